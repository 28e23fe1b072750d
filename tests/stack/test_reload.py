"""Source that changes while the stack runs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from tests import documents
from tests.stack.conftest import local_config
from tests.stack.live import Live


def test_a_running_stack_takes_changed_code_and_goes_on(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if live.marker is None:
        pytest.skip("only a stack of our own is changed while it runs")
    from pdfsmaller_local import update

    compress = live.outputs["CompressFunctionName"]

    def code() -> str:
        digest: str = live.clients("lambda").get_function_configuration(FunctionName=compress)["CodeSha256"]
        return digest

    def with_a_note() -> dict[str, bytes]:
        zips = packages()
        buffer = io.BytesIO(zips["functions/"])
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr("note.txt", "changed")
        return zips | {"functions/": buffer.getvalue()}

    packages, before = update.packages, code()
    config = local_config(tmp_path)
    monkeypatch.setattr(update, "packages", with_a_note)
    update.update(config, live.clients)
    assert code() != before
    assert live.finished(live.post(documents.text()).json()["job_id"])["status"] == "succeeded"
    monkeypatch.setattr(update, "packages", packages)
    update.update(config, live.clients)
    assert live.finished(live.post(documents.text()).json()["job_id"])["status"] == "succeeded"


def test_a_change_in_the_source_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pdfsmaller_local import source_tree

    monkeypatch.setattr(source_tree, "_FOLDERS", (tmp_path,))
    (tmp_path / "a.py").write_text("1")
    first = source_tree.state()
    assert source_tree.state() == first
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("compiled")
    assert source_tree.state() == first
    (tmp_path / "a.py").write_text("12")
    assert source_tree.state() != first
