"""Real documents merged: everything that each of them had is there, where it belongs, and nothing else.

``merged.py`` does the comparing, without the engine.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String

from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.merge.merge import merge
from pdfsmaller.engine.merge.options import MergeOptions
from tests.corpus.corpus import CORPUS, files, needs_corpus, password_of
from tests.corpus.merged import Part, differences, field_names, loose_ends

pytestmark = [
    needs_corpus,
    pytest.mark.filterwarnings("ignore:pikepdf is missing some specialized decoders"),  # jbig2dec
]

#: Pairs for a quick run, and what each is there for.
QUICK = {
    "form-fields-with-image+form-xfa-va-210966": "two forms, tags, layers, scripts",
    "form-irs-f1040nr+form-irs-f1040nr": "every field's name twice",
    "nhs-handbook+comic-why-slides": "labels, tags, attachment, articles",
    "slides-softmask-news+physics-paper-gray-scan": "old named destinations, ids of elements",
    "signed-pdfa3-stamp+pdfua-cjk-font": "signature, PDF/A, PDF/UA",
    "geotopo-compressed+copysets-paper-cmyk": "the same named destinations, labels, outlines",
    "paper-page-pw_1234+health-table-pw_userpass": "two passwords",
    "lure-it-owner-enc+copy-protected-owner": "owners' passwords, labels and outlines",
    "luradoc-mrc-jbig2+tiny-devicen": "turned pages, output intents, labels",
    "giraffe-vector+person-dog-vector": "attachment, script, layers",
    "federal-register-signed+tiny-pdf20": "signature, PDF 2.0",
}
#: Those that a quick run can do without: the group of slow tests that CI runs has them.
SLOW = {
    *("form-irs-f1040nr+form-irs-f1040nr", "nhs-handbook+comic-why-slides"),
    *("slides-softmask-news+physics-paper-gray-scan", "geotopo-compressed+copysets-paper-cmyk"),
    *("luradoc-mrc-jbig2+tiny-devicen", "slides-softmask-news", "nhs-handbook", "geotopo-compressed"),
    "owasp-slides-2025",
}
#: Page ranges, written as people do and as a list.
RANGES = {
    "form-irs-f1040nr": [("2-3", [1, 2]), ("-1", [4]), ("3-1", [2, 1, 0]), ("1,1", [0, 0])],
    "slides-softmask-news": [("2-3", [1, 2]), ("4,4", [3, 3]), ("15-2", list(range(14, 0, -1)))],
    "nhs-handbook": [("2-3,150-", [1, 2, *range(149, 160)]), ("-1", [159])],
    "geotopo-compressed": [("3-1", [2, 1, 0]), ("1,1,5", [0, 0, 4])],
    "owasp-slides-2025": [("2-3", [1, 2]), ("-1,1", [42, 0])],
    "form-xfa-va-210966": [("2", [1]), ("2-1", [1, 0])],
}


def quick_or_slow(name: str, *more: object) -> Any:
    """Parameters of a test over documents of this name."""
    return pytest.param(name, *more, marks=pytest.mark.slow if name in SLOW else ())


def document(stem: str) -> Path:
    return CORPUS / "dev" / f"{stem}.pdf"


def merged(paths: list[Path], target: Path, **options: Any) -> None:
    passwords = [password for path in paths if (password := password_of(path))]
    given: dict[str, Any] = {"optimize": False, "decrypt": True, "password": "\n".join(passwords) or None}
    merge([InputFile(path, path.name) for path in paths], target, MergeOptions.parse(given | options))


def parts(paths: list[Path], *pages: list[int] | None) -> list[Part]:
    given = pages or (None,) * len(paths)
    return [Part(path, password_of(path), mine) for path, mine in zip(paths, given, strict=True)]


def drawn(count: int, size: int, seed: int) -> list[str]:
    """Names of documents in groups, drawn by lot but always the same."""
    rng = random.Random(seed)
    stems = [file.stem for file in files("dev")]
    return ["+".join(rng.sample(stems, size)) for _ in range(count)] if stems else []


def check(group: str, tmp_path: Path, *, decoded: bool = False, **options: Any) -> None:
    paths = [document(stem) for stem in group.split("+")]
    target = tmp_path / "merged.pdf"
    merged(paths, target, **options)
    per_source = options.get("outline", "per-source") == "per-source"
    assert differences(parts(paths), target, decoded=decoded, per_source=per_source) == []


@pytest.mark.parametrize("group", [quick_or_slow(group) for group in QUICK])
def test_two_documents_keep_all_they_have(group: str, tmp_path: Path) -> None:
    check(group, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("group", ["taxis-photo-jpx+elle-paper-pdfa1", *drawn(60, 2, seed=1)])
def test_any_two_documents_keep_all_they_have(group: str, tmp_path: Path) -> None:
    check(group, tmp_path, verify="off")


@pytest.mark.slow
@pytest.mark.parametrize("group", drawn(20, 3, seed=2))
def test_any_three_documents_keep_all_they_have(group: str, tmp_path: Path) -> None:
    check(group, tmp_path, verify="off", outline="joined")


@pytest.mark.slow
@pytest.mark.parametrize("group", [*[*QUICK][:4], "copysets-paper-cmyk+chelsea-transport-plan", *drawn(3, 2, seed=3)])
def test_compressed_documents_keep_all_but_the_coding(group: str, tmp_path: Path) -> None:
    check(group, tmp_path, decoded=True, optimize=True, preset="ebook")


@pytest.mark.parametrize(
    ("stem", "text", "pages"), [quick_or_slow(stem, *given) for stem, ranges in RANGES.items() for given in ranges]
)
def test_pages_picked_come_without_what_belongs_to_others(
    stem: str, text: str, pages: list[int], tmp_path: Path
) -> None:
    source, other, target = document(stem), document("tiny-minimal-latex"), tmp_path / "merged.pdf"
    merged([source, other], target, pages=[text, ""])
    assert differences(parts([source, other], pages, None), target) == []
    assert loose_ends(target) == []
    expected, found = field_names(source, None, pages), field_names(target, None)
    assert {name.partition("_2")[0] for name in found} == {name.partition("_2")[0] for name in expected}
    if len(set(pages)) < 10:  # fonts and pictures of other pages stay behind
        assert target.stat().st_size < source.stat().st_size + other.stat().st_size


@pytest.mark.parametrize("stem", ["cmyk-indexed-image", "tracemonkey-paper", "form-irs-f1040nr"])
def test_what_two_documents_share_is_stored_once(stem: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one.pdf", tmp_path / "two.pdf"
    merged([document(stem)], one)
    merged([document(stem)] * 2, two)
    assert two.stat().st_size < 1.15 * one.stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "options"),
    [
        ("form-irs-f1040nr+slides-softmask-news", {}),
        ("tiny-devicen+linux-masks-ccitt-jpeg", {"optimize": True, "preset": "screen"}),
    ],
)
def test_the_same_documents_give_the_same_bytes(group: str, options: dict[str, Any], tmp_path: Path) -> None:
    paths = [document(stem) for stem in group.split("+")]
    for name in ("one.pdf", "two.pdf"):
        merged(paths, tmp_path / name, **options)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


# --- the check itself -------------------------------------------------------------------------------------------------


def lose_an_annotation(pdf: Pdf) -> None:
    page = next(page.obj for page in pdf.pages if len(page.obj.get("/Annots", [])) > 1)
    page.Annots = Array(list(page.Annots)[1:])


def turn_a_link(pdf: Pdf) -> None:
    link = next(a for page in pdf.pages for a in page.obj.get("/Annots", []) if "/Dest" in a)
    link.Dest = Array([pdf.pages[-1].obj, Name.Fit])


def swap_parents(pdf: Pdf) -> None:
    a, b = (page.obj for page in list(pdf.pages)[:2])
    a.StructParents, b.StructParents = int(b.StructParents), int(a.StructParents)


def change_a_value(pdf: Pdf) -> None:
    fields = list(pdf.Root.AcroForm.Fields)
    fields[0].V = String("another")


def turn_a_role(pdf: Pdf) -> None:
    element = next(e for e in pdf.objects if isinstance(e, Dictionary) and e.get("/S") == "/P" and "/K" in e)
    element.S = Name.H1


def move_a_bookmark(pdf: Pdf) -> None:
    pdf.Root.Outlines.Last.Dest = Array([pdf.pages[0].obj, Name.Fit])


def hide_layers(pdf: Pdf) -> None:
    properties = pdf.Root.OCProperties
    properties.D.OFF = properties.OCGs


def blot_a_page(pdf: Pdf) -> None:
    pdf.pages[-1].contents_add(pdf.make_stream(b"0 0 0 rg 0 0 300 300 re f"))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path]:
    """Two documents and their merger."""
    paths = [document("slides-softmask-news"), document("form-fields-with-image")]
    target = tmp_path_factory.mktemp("sound") / "merged.pdf"
    merged(paths, target, verify="off")
    return paths, target


@pytest.mark.parametrize(
    "damage",
    [
        lose_an_annotation,
        turn_a_link,
        swap_parents,
        change_a_value,
        turn_a_role,
        move_a_bookmark,
        hide_layers,
        blot_a_page,
    ],
)
def test_the_comparison_notices(damage: Callable[[Pdf], None], sound: tuple[list[Path], Path], tmp_path: Path) -> None:
    paths, target = sound
    damaged = tmp_path / "damaged.pdf"
    with pikepdf.open(target) as pdf:
        damage(pdf)
        pdf.save(damaged)
    assert differences(parts(paths), damaged, pixels=False) != []
