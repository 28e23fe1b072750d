"""Pages drawn by a second process: a comparison with them says what one without them says, whatever becomes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from pikepdf import Dictionary, Name

from pdfsmaller.engine import verify
from pdfsmaller.engine.comparison import Comparison
from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.render import second_process
from pdfsmaller.engine.render.page import draw, read_text
from pdfsmaller.engine.render.second_process import Originals
from pdfsmaller.engine.verify import compare
from tests import documents

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks a process with libraries safely")

_MEMORY = 2_000_000_000


def _begin() -> int:
    """A second process of this one; its number."""
    second_process.begin(_MEMORY, lambda: None)
    assert second_process._second is not None
    return second_process._second._pid


@pytest.fixture(autouse=True)
def second() -> Iterator[int]:
    yield _begin()
    second_process.end()


def _compared(before: Path, after: Path, originals: Originals | None = None) -> Comparison:
    return compare(before, after, mode="full", password=None, min_similarity=0.9, originals=originals)


def _alone(act: Callable[[], Comparison]) -> Comparison:
    """What comes of it where there is no second process."""
    second_process.end()
    try:
        return act()
    finally:
        _begin()


@pytest.fixture
def drawn_here(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An entry for each page that this process draws."""
    made: list[int] = []

    def counted(*arguments: object, **options: object) -> object:
        made.append(1)
        return draw(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(verify, "draw", counted)
    return made


@pytest.mark.parametrize("make", [lambda: documents.text(3), documents.form], ids=["text", "form"])
def test_a_page_is_read_and_drawn_as_it_is_here(tmp_path: Path, make: Callable[[], bytes]) -> None:
    source = documents.write(tmp_path / "a.pdf", make())
    with pypdfium2.PdfDocument(source) as document, ExitStack() as stack:
        fields = bool(document.get_formtype())
        if fields:
            document.init_forms()
        originals = Originals(source, None, range(len(document)))
        for number in range(len(document)):
            page = document[number]
            here, there = draw(page, stack), originals.page(number, forms=fields)
            assert here is not None
            assert there is not None
            assert bytes(here.pixels) == bytes(there.rendering.pixels)
            assert here.equals(there.rendering)
            assert read_text(page) == there.text


def test_what_a_password_opens_is_drawn(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "a.pdf", documents.encrypted_user())
    assert Originals(source, documents.USER_PASSWORD, [0]).page(0, forms=False) is not None
    assert Originals(source, "wrong", [0]).page(0, forms=False) is None


def test_pages_come_in_any_order_and_those_not_asked_for_are_in_nobodys_way(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "a.pdf", documents.text(40))
    originals = Originals(source, None, range(20))
    originals.draw(range(10, 40))
    assert originals.page(3, forms=False) is not None
    assert originals.page(1, forms=False) is not None
    assert originals.page(3, forms=False) is None, "a page is given once"
    for number in (15, 39, 20):  # for which there may be no room
        originals.page(number, forms=False)
    assert originals.page(0, forms=False) is not None


def test_a_document_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "a.pdf", documents.text(12))
    first = Originals(source, None, range(12))
    second = Originals(documents.write(tmp_path / "b.pdf", documents.form()), None, [0])
    assert first.page(0, forms=False) is None
    assert second.page(0, forms=True) is not None


def test_pages_are_not_drawn_here_where_they_are_beside(tmp_path: Path, drawn_here: list[int]) -> None:
    before = documents.write(tmp_path / "a.pdf", documents.text(30))
    found = _compared(before, before)
    assert (found.differences, found.compared) == ([], set(range(30)))
    assert len(drawn_here) == 30


def test_what_differs_is_seen_by_what_was_drawn_beside(tmp_path: Path) -> None:
    before = documents.write(tmp_path / "a.pdf", documents.text(2))
    covered, emptied = tmp_path / "covered.pdf", tmp_path / "text.pdf"
    with pikepdf.open(before) as pdf:
        pdf.pages[1].contents_add(b"q 0 g 100 100 400 400 re f Q")
        pdf.save(covered)
        pdf.pages[0].Contents = pdf.make_stream(b"")
        pdf.save(emptied)
    for after in (covered, emptied):
        with_it = _compared(before, after)
        without = _alone(lambda after=after: _compared(before, after))  # type: ignore[misc]
        assert with_it.differences == without.differences != []
        assert with_it.compared == without.compared


def test_pages_with_fields_are_not_compared_with_some_that_show_none(tmp_path: Path) -> None:
    before = documents.write(tmp_path / "a.pdf", documents.form())
    after = tmp_path / "b.pdf"
    with pikepdf.open(before) as pdf:
        del pdf.Root["/AcroForm"]
        pdf.save(after)
    assert Originals(before, None, [0]).page(0, forms=False) is None
    assert _compared(before, after).differences == _alone(lambda: _compared(before, after)).differences


def test_a_document_that_cannot_be_opened_has_no_pages(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "a.pdf", b"%PDF-1.7\nnothing")
    originals = Originals(source, None, range(2))
    assert originals.page(0, forms=False) is None
    assert Originals(tmp_path / "none.pdf", None, [0]).page(0, forms=False) is None


@pytest.mark.parametrize("when", ["before", "after"])
def test_when_it_is_killed_the_pages_are_drawn_here(
    tmp_path: Path, second: int, when: str, drawn_here: list[int]
) -> None:
    before = documents.write(tmp_path / "a.pdf", documents.text(3))
    if when == "after":
        originals = Originals(before, None, range(3))
    os.kill(second, signal.SIGKILL)
    os.waitid(os.P_PID, second, os.WEXITED | os.WNOWAIT)
    if when == "before":
        originals = Originals(before, None, range(3))
    found = _compared(before, before, originals)
    assert (found.differences, found.compared) == ([], {0, 1, 2})
    assert len(drawn_here) >= 3
    assert second_process._second is None
    assert len(_compared(before, before).compared) == 3


def test_it_ends_when_it_is_told_to(tmp_path: Path, second: int) -> None:
    Originals(documents.write(tmp_path / "a.pdf", documents.text(12)), None, range(12))
    second_process.end()
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)
    second_process.end()


def test_compressing_draws_here_the_results_alone(tmp_path: Path, drawn_here: list[int]) -> None:
    source = documents.write(tmp_path / "a.pdf", documents.text(4))
    report = compress(source, tmp_path / "b.pdf", CompressOptions(preset="ebook"))
    assert report.outcome == "compressed"
    assert report.comparison is not None
    assert report.comparison.pages == 4
    assert len(drawn_here) == 4


def test_a_font_that_is_not_there_looks_the_same_however_often_it_was_drawn(tmp_path: Path) -> None:
    def text(name: str, x: int) -> Path:
        def add(pdf: pikepdf.Pdf) -> None:
            page = pdf.add_blank_page(page_size=(612, 100))
            page.Resources = Dictionary(Font=Dictionary(F=pdf.make_indirect(font)))
            page.Contents = pdf.make_stream(b"BT /F 24 Tf %d 40 Td (Some text that is written in no font) Tj ET" % x)

        font = Dictionary(Type=Name.Font, Subtype=Name.TrueType, BaseFont=Name.NoSuchFont)
        return documents.write(tmp_path / name, documents.edited(documents.text(1), add))

    before, after, moved = text("before.pdf", 50), text("after.pdf", 50), text("moved.pdf", 80)
    for _ in range(3):
        assert _compared(before, after).differences == []
    assert [found.page for found in _compared(before, moved).differences] == [1]


def test_of_many_pages_that_differ_a_few_are_looked_at_twice(tmp_path: Path, drawn_here: list[int]) -> None:
    before = documents.write(tmp_path / "a.pdf", documents.text(12))
    after = documents.write(tmp_path / "b.pdf", documents.edited(documents.text(12), _covered))
    found = _compared(before, after)
    assert [difference.page for difference in found.differences] == list(range(12))
    assert len(drawn_here) == 12 + 6


def _covered(pdf: pikepdf.Pdf) -> None:
    for page in pdf.pages:
        page.contents_add(b"q 0 g 100 100 400 400 re f Q")


# --- when there is one ------------------------------------------------------------------------------------------------


def test_it_is_worth_it_for_what_takes_a_while_to_draw_where_a_processor_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = tmp_path / "small.pdf", tmp_path / "large.pdf"
    small.write_bytes(bytes(1_000))
    large.write_bytes(bytes(100_000))
    monkeypatch.setattr(second_process, "WORKERS", 2)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    monkeypatch.setattr(second_process, "_running", lambda: 1)
    assert second_process.is_worth_it([large])
    assert not second_process.is_worth_it([small])
    assert not second_process.is_worth_it([tmp_path / "none.pdf"])
    monkeypatch.setattr(second_process, "_running", lambda: 2)
    assert not second_process.is_worth_it([large])
    monkeypatch.setattr(second_process, "_running", lambda: 1)
    monkeypatch.setattr(second_process, "WORKERS", 1)
    assert not second_process.is_worth_it([large])


def test_how_many_threads_run_is_known() -> None:
    assert second_process._running() >= 1


# --- bounds -----------------------------------------------------------------------------------------------------------

_ATTACKS = """
import json, os, resource, socket, sys
from pathlib import Path
from pdfsmaller.engine.confinement import confine
from pdfsmaller.engine.render import second_process
from pdfsmaller.limits import Limits

folder, secret = map(Path, sys.argv[1:])

def outcome(act):
    try:
        act()
    except OSError as exc:
        return type(exc).__name__
    return "done"

def serve(shared):
    outcomes = {
        "read a file": outcome(lambda: secret.read_bytes()),
        "write a file": outcome(lambda: secret.write_bytes(b"")),
        "start a process": outcome(os.fork),
        "open a socket": outcome(socket.socket),
        "end its parent": outcome(lambda: os.kill(os.getppid(), 0)),
    }
    outcomes["memory"] = resource.getrlimit(resource.RLIMIT_AS)[0]
    (folder / "outcomes.json").write_text(json.dumps(outcomes))

second_process._serve = serve
begin = lambda restrict: second_process.begin(Limits().memory_bytes, restrict)
held = confine(Limits(), sources=[], folder=folder, branch=begin)
second_process.end()
print(json.dumps(held))
"""


def test_it_is_bound_as_the_first_is_and_to_less_memory(tmp_path: Path) -> None:
    folder, secret = tmp_path / "job", tmp_path / "secret"
    folder.mkdir()
    secret.write_text("another's")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", _ATTACKS, str(folder), str(secret)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    held = set(json.loads(run.stdout))
    outcomes = json.loads((folder / "outcomes.json").read_text())
    assert outcomes.pop("memory") < 2_000_000_000
    if "landlock" in held:
        assert outcomes.pop("read a file") == outcomes.pop("write a file") == "PermissionError"
        assert secret.read_text() == "another's"
    if "seccomp" in held:
        assert {outcomes[name] for name in ("start a process", "open a socket", "end its parent")} == {
            "PermissionError"
        }
