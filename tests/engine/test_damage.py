"""What a damaged document raises is named, counted and logged; the engine's own mistakes come through."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from pdfsmaller.engine import damage
from pdfsmaller.engine.memory import ran_out_of_memory
from pdfsmaller.errors import LimitExceeded, UnreadablePdf
from tests import documents
from tests.engine.conftest import Run

DAMAGED: dict[str, Callable[[], object]] = {
    "a name for a number": lambda: int(Name.Oops),
    "a name for an array": lambda: list(Name.Oops),  # type: ignore[call-overload]
    "a name for a dictionary": lambda: Name.Oops["/Key"],
    "an array for a name": lambda: len(Name.Oops),
    "a dictionary for an array": lambda: Dictionary().as_list(),
    "a key that is missing": lambda: Dictionary()["/Key"],
    "an attribute that is missing": lambda: Dictionary().Key,
    "an index beyond the end": lambda: Array([])[1],
    "a number too large": lambda: int(float("inf")),
    "data that does not inflate": lambda: zlib.decompress(b"nothing"),
    "syntax": lambda: pikepdf.Object.parse(b"<< /Key"),
}
MISTAKES: dict[str, Callable[[], object]] = {
    "an argument of the wrong type": lambda: len(3),  # type: ignore[arg-type]
    "an attribute that no object has": lambda: [].missing,  # type: ignore[attr-defined]
    "a name that is not defined": lambda: missing,  # type: ignore[name-defined]  # noqa: F821
}


def _in_the_engine(function: Callable[[], object]) -> Callable[[], object]:
    """A function as one of the engine's modules would have it."""
    scope = {"__name__": "pdfsmaller.engine.anything"}
    return type(function)(function.__code__, function.__globals__ | scope)


@pytest.mark.parametrize("what", DAMAGED)
def test_damage_is_tolerated_and_counted(what: str) -> None:
    with damage.counted() as counts:
        with damage.tolerate("part") as attempt:
            _in_the_engine(DAMAGED[what])()
        assert attempt.failed
    assert counts == {"part": 1}


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_come_through_in_tests(what: str) -> None:
    with pytest.raises((TypeError, AttributeError, NameError)), damage.tolerate("part"):
        _in_the_engine(MISTAKES[what])()
    with pytest.raises((TypeError, AttributeError, NameError)), damage.raised_as(UnreadablePdf("x")):
        _in_the_engine(MISTAKES[what])()


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_cost_no_user_the_document_but_are_logged_as_errors(
    what: str, caplog: pytest.LogCaptureFixture
) -> None:
    damage.set_strict(False)
    with damage.tolerate("part") as attempt:
        _in_the_engine(MISTAKES[what])()
    assert attempt.failed
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.records[0].exc_info
    assert damage.MISTAKE in caplog.text


def test_damage_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "pdfsmaller.engine.damage"), damage.tolerate("page_content"):
        Dictionary()["/Key"]
    assert "left alone: page_content" in caplog.text
    assert "Traceback" in caplog.text


def test_nothing_failed_where_nothing_was_raised() -> None:
    with damage.counted() as counts, damage.tolerate("part") as attempt:
        pass
    assert not attempt.failed
    assert not counts


@pytest.mark.parametrize("raised", [LimitExceeded("max_pages", 1, "too many"), MemoryError(), KeyboardInterrupt()])
def test_what_is_no_damage_comes_through(raised: BaseException) -> None:
    with pytest.raises(type(raised)), damage.tolerate("part"):
        raise raised


def test_a_codecs_own_error_is_damage_where_it_is_named() -> None:
    class CodecError(Exception):
        pass

    with damage.tolerate("part", CodecError) as attempt:
        raise CodecError
    assert attempt.failed
    with pytest.raises(CodecError), damage.tolerate("part"):
        raise CodecError


def test_lack_of_memory_is_no_damage() -> None:
    with pytest.raises(MemoryError), damage.tolerate("part"):
        raise RuntimeError("std::bad_alloc")


def test_a_full_disk_is_no_damage() -> None:
    full = pikepdf.PdfError("write: No space left on device")
    with pytest.raises(pikepdf.PdfError), damage.tolerate("part"):
        raise full
    with pytest.raises(pikepdf.PdfError), damage.raised_as(UnreadablePdf("broken")):
        raise full


def test_errors_that_come_from_each_other_are_damage() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    with damage.tolerate("part") as attempt:
        raise one
    assert attempt.failed


def test_damage_takes_the_type_that_a_caller_expects() -> None:
    with pytest.raises(UnreadablePdf, match="broken") as caught, damage.raised_as(UnreadablePdf("broken")):
        int(Name.Oops)
    assert isinstance(caught.value.__cause__, TypeError)
    with pytest.raises(LimitExceeded), damage.raised_as(UnreadablePdf("broken")):
        raise LimitExceeded("max_pages", 1, "too many")


def test_an_inner_count_is_not_in_the_outer_one() -> None:
    with damage.counted() as outer:
        with damage.counted() as inner, damage.tolerate("part"):
            raise ValueError
        with damage.tolerate("other"):
            raise ValueError
    assert (outer, inner) == ({"other": 1}, {"part": 1})


@pytest.mark.parametrize(
    "said",
    [
        "std::bad_alloc",
        "vips_tracked: out of memory --- size == 12MB",
        "VipsJpeg: Insufficient memory (case 4)",
        "not enough memory",
        "unable to copy to memory\nVipsJpeg: Insufficient memory (case 4)",
        "[Errno 12] Cannot allocate memory",
    ],
)
def test_the_libraries_words_for_a_lack_of_memory(said: str) -> None:
    assert ran_out_of_memory(RuntimeError(said))


@pytest.mark.parametrize(
    "said",
    [
        "unable to copy to memory",
        "unable to copy to memory\nVipsJpeg: Premature end of JPEG file",
        "tiff2vips: Requested memory size for StripByteCounts of 80 is greater than filesize 8. Memory not allocated",
        "cannot read /Memory of the dictionary",
        "memoryview: underlying buffer is not writable",
    ],
)
def test_other_words_about_memory_are_no_lack_of_it(said: str) -> None:
    assert not ran_out_of_memory(RuntimeError(said))


def test_the_report_counts_what_was_left_alone(run: Run) -> None:
    data = documents.edited(documents.photo_jpeg(), lambda pdf: pdf.pages[0].obj.__setitem__("/UserUnit", Name.Oops))
    report = run(data, preset="ebook").report
    assert report.damage == {"image": 1}
    assert report.comparison is not None
    assert report.comparison.structure_skipped == ["boxes"]
    assert run(documents.photo_jpeg(), preset="ebook").report.damage == {}
