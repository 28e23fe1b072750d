"""The page in Firefox, as in Chromium elsewhere: a file becomes smaller, the page's own rules refuse nothing that it
needs, and a reload forgets nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import documents
from tests.firefox import FIREFOX, firefox
from tests.processes.served import Served

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not FIREFOX, reason="there is no Firefox here")]

_LINK = "document.querySelector('a[href$=\"/download\"]')"


def test_a_file_becomes_smaller_and_stays_after_a_reload(serve: Callable[..., Served], tmp_path: Path) -> None:
    photo = documents.write(tmp_path / "photo.pdf", documents.photo_jpeg())
    one = serve("--workers", 1)
    with firefox(tmp_path) as page:
        page.open(one.url)
        page.choose("input[type=file]", photo)
        address = page.until(f"{_LINK} && {_LINK}.href")
        size = page.run(f"fetch('{address}').then((answer) => answer.blob()).then((file) => file.size)")
        assert 1_000 < size < photo.stat().st_size
        page.open(one.url)
        assert page.until(f"{_LINK} && {_LINK}.href") == address
        assert "photo.pdf" in page.run("document.body.innerText")
