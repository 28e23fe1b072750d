"""Real documents split: every page is in the part that it belongs to, with everything that it had.

``merged.py`` does the comparing, without the engine.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.report import SplitReport
from pdfsmaller.engine.results import Done
from pdfsmaller.engine.split.options import SplitOptions
from pdfsmaller.engine.split.split import run
from pdfsmaller.errors import InvalidOutlineLevel
from pdfsmaller.limits import Limits
from tests.corpus.corpus import CORPUS, files, needs_corpus, password_of
from tests.corpus.merged import Part, differences, field_names, loose_ends

pytestmark = [
    needs_corpus,
    pytest.mark.filterwarnings("ignore:pikepdf is missing some specialized decoders"),  # jbig2dec
]

#: Documents for a quick run, how they are cut, and what each is there for.
QUICK: list[tuple[str, dict[str, Any]]] = [
    ("form-irs-f1040nr", {"every": 2}),  # fields, tags, scripts
    ("slides-softmask-news", {"pages": "1-4,9-,5-6+8"}),  # old named destinations, tags, layers; a page in no part
    ("paper-page-pw_1234", {"every": 1}),  # a password
    ("signed-pdfa3-stamp", {"every": 1}),  # a signature, PDF/A
    ("form-xfa-va-210966", {"every": 1}),  # XFA, a shared form
]
SLOW: list[tuple[str, dict[str, Any]]] = [
    ("chelsea-transport-plan", {"outline_level": 1}),  # links, outline
    ("geotopo-compressed", {"max_size": "300KB"}),  # links, labels
] + [(file.stem, way) for file in files("dev") for way in ({"every": 5}, {"max_size": "400KB"}, {"outline_level": 2})]


def split(stem: str, folder: Path, **options: Any) -> Done[SplitReport]:
    path = CORPUS / "dev" / f"{stem}.pdf"
    given: dict[str, Any] = {
        "optimize": False,
        "decrypt": True,
        "password": password_of(path),
        "allow_signature_invalidation": True,
    }
    parsed = SplitOptions.parse(given | options)
    return run([InputFile(path, path.name)], folder, parsed, limits=Limits(), progress=lambda *_: None)


def pages_of(text: str) -> list[int]:
    """The pages that a report names, as indices from 0."""
    found: list[int] = []
    for run_of_pages in text.split(","):
        first, _, last = run_of_pages.partition("-")
        found += range(int(first) - 1, int(last or first))
    return found


def check(stem: str, folder: Path, **options: Any) -> Done[SplitReport]:
    path = CORPUS / "dev" / f"{stem}.pdf"
    done = split(stem, folder, **options)
    contents = [pages_of(part.pages) for part in done.report.parts]
    sound = password_of(path) is None and loose_ends(path) == []
    places: dict[int, tuple[str, int]] = {}
    for part, pages in zip(done.report.parts, contents, strict=True):
        for place, page in enumerate(pages):
            places.setdefault(page, (part.name, place))
    for file, pages in zip(done.files, contents, strict=True):
        elsewhere = {page: there for page, there in places.items() if page not in pages}
        source = Part(path, password_of(path), pages, elsewhere=elsewhere, pruned=True)
        assert differences([source], file.path) == [], file.name
        if len(done.files) > 1 and sound:
            assert loose_ends(file.path) == [], file.name
        assert field_names(file.path, None) == field_names(path, password_of(path), pages)
    return done


@pytest.mark.parametrize(("stem", "way"), QUICK)
def test_parts_have_all_that_belongs_to_their_pages(stem: str, way: dict[str, Any], tmp_path: Path) -> None:
    check(stem, tmp_path, **way)


@pytest.mark.slow
@pytest.mark.parametrize(("stem", "way"), SLOW)
def test_parts_of_any_document_have_all_that_belongs_to_their_pages(
    stem: str, way: dict[str, Any], tmp_path: Path
) -> None:
    try:
        done = check(stem, tmp_path, verify="off", **way)
    except InvalidOutlineLevel:
        return
    contents = [pages_of(part.pages) for part in done.report.parts]
    assert all(left[-1] + 1 == right[0] for left, right in pairwise(contents))
    over = [part for part in done.report.parts if "max_size" in way and part.output_bytes > 400_000]
    assert all(part.page_count == 1 for part in over)
    assert len(over) == sum(warning.code == "page_over_max_size" for warning in done.report.warnings)
