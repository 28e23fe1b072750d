"""What one content stream draws and shows: the reader in Lua, and that pikepdf's parser reads the same."""

from __future__ import annotations

import io
import sys

import pikepdf
import pytest
from pikepdf import Pdf, Stream

from pdfsmaller.engine.lua import available
from pdfsmaller.engine.walk import events as module
from pdfsmaller.engine.walk.events import IDENTITY, Drawn, Events, Source, Special, read_events
from tests import documents

KINDS = documents.IMAGES | documents.STRUCTURES
EVERYWHERE = pytest.mark.parametrize("lua", [True, False], ids=["Lua", "pikepdf"])


def read(content: bytes, special: Special | None = None, *, lua: bool = True) -> Events:
    if lua and not available():
        pytest.skip("there is no LuaJIT")
    pdf = Pdf.new()
    stream = Stream(pdf, content)
    special = special or Special()
    found = module.readers.get().read(content, special) if lua else module._parsed(stream, special)
    assert isinstance(found, Events)
    return found


def names(data: bytes) -> set[int]:
    """Two-byte codes in the machine's order, as numbers."""
    return {int.from_bytes(data[at : at + 2], sys.byteorder) for at in range(0, len(data), 2)}


@EVERYWHERE
@pytest.mark.parametrize(
    ("content", "matrix"),
    [
        (b"/X Do", IDENTITY),
        (b"2 0 0 3 50 60 cm /X Do", (2, 0, 0, 3)),
        (b"2 0 0 3 0 0 cm 0 1 -1 0 0 0 cm /X Do", (0, 3, -2, 0)),
        (b"q 2 0 0 3 0 0 cm Q /X Do", IDENTITY),
        (b"Q /X Do", IDENTITY),
        (b"2 0 0 2 0 0 cm Q /X Do", None),  # some take it for the end of a state that none began
        (b"1 2 0 0 2 0 0 cm /X Do", None),
        (b"/a 0 0 2 0 0 cm /X Do", None),
        (b"q 2 0 0 cm Q /X Do", IDENTITY),
    ],
)
def test_the_matrix_in_force(content: bytes, matrix: object, lua: bool) -> None:
    assert read(content, lua=lua).drawn == (Drawn("Do", "/X", 0, matrix),)  # type: ignore[arg-type]


@EVERYWHERE
def test_what_is_drawn_alike_counts_once(lua: bool) -> None:
    content = b"".join(b"q 1 0 0 1 %d 0 cm /X Do Q " % n for n in range(9)) + b"2 0 0 2 0 0 cm /X Do /X Do"
    assert [drawn.matrix for drawn in read(content, lua=lua).drawn] == [IDENTITY, (2, 0, 0, 2)]


@EVERYWHERE
def test_names_may_be_spelled_in_several_ways(lua: bool) -> None:
    assert [drawn.name for drawn in read(b"/A#20B Do /caf\xe9 Do", lua=lua).drawn] == ["/A B", "/caf\udce9"]


@EVERYWHERE
@pytest.mark.parametrize(
    ("string", "codes"),
    [
        (rb"(a(b)\)\\)", rb"a(b)\)" + b"\\"),
        (rb"(\101\1012\7\8)", b"A2\x07" + b"8"),
        (b"(a\\\r\nb\r\nc\rd\\\ne)", b"ab\ncde"),
        (rb"(\n\r\t\b\f\x)", b"\n\r\t\b\fx"),
        (b"<4 1 42F>", b"AB\xf0"),
    ],
)
def test_strings(string: bytes, codes: bytes, lua: bool) -> None:
    (shown,) = read(b"/F 9 Tf " + string + b" Tj", lua=lua).shown
    assert set(shown.codes) == set(codes)


@EVERYWHERE
def test_a_last_odd_byte_may_be_either_half_of_a_code(lua: bool) -> None:
    (shown,) = read(b"/F 9 Tf [(ABC) 3 <4445>] TJ", lua=lua).shown
    assert names(shown.pairs) == {0x4142, 0x43, 0x4300, 0x4445}


@EVERYWHERE
def test_where_the_font_is_from(lua: bool) -> None:
    content = b"(a) Tj q /F 9 Tf (b) ' Q (c) Tj /S gs 1 2 (d) \" /T gs (e) Tj 9 Tf (f) Tj"
    found = read(content, Special(setting_fonts=frozenset({"S"})), lua=lua)
    by = {found.sources[shown.source]: set(shown.codes) for shown in found.shown}
    assert by == {Source(""): set(b"ac"), Source("Tf", "/F"): {98}, Source("gs", "/S"): set(b"de"), Source("?"): {102}}


@EVERYWHERE
def test_strings_are_whole_where_that_is_wanted(lua: bool) -> None:
    found = read(b"/F 9 Tf (ab) Tj /G 9 Tf (c) Tj [(de) 1 (f)] TJ", Special(whole=frozenset({"G"})), lua=lua)
    assert [shown.strings for shown in found.shown] == [(), (b"c", b"de", b"f")]


@EVERYWHERE
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"1 0 0 rg", (True, False)),
        (b"/P cs", (True, False)),
        (b"0 0 1 0 K", (True, False)),
        (b".5 g 0 0 9 9 re f", (False, True)),
        (b"(1 0 0 rg) Tj", (False, False)),
    ],
)
def test_whether_colours_are_set(content: bytes, expected: tuple[bool, bool], lua: bool) -> None:
    found = read(content, lua=lua)
    assert (found.colored, found.gray) == expected


@EVERYWHERE
def test_inline_images_are_passed_over(lua: bool) -> None:
    data = bytes(range(40, 90)) + b" Q /X Do "
    content = b"BI /W %d /H 1 /BPC 8 /CS /G ID " % len(data) + data + b" EI /Y Do"
    found = read(content, lua=lua)
    assert [drawn.name for drawn in found.drawn] == ["/Y"]
    assert found.inline
    assert len(data) <= found.inline_bytes < len(data) + 60


@pytest.mark.parametrize("content", [b"1.2.3 g /X Do", b"--1 g /X Do", b"{ /X Do"])
def test_syntax_that_is_not_certain_is_left_to_the_other_parser(content: bytes) -> None:
    pdf = Pdf.new()
    found = read_events(Stream(pdf, content), content, Special())
    assert found is not None
    assert [drawn.name for drawn in found.drawn] == ["/X"]


@pytest.mark.parametrize("content", [b"q " * 200_000, b"".join(b"%d 0 0 1 0 0 cm /X Do " % n for n in range(1, 4))])
def test_a_stream_of_too_much_is_not_read(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DRAWN", 2)
    pdf = Pdf.new()
    assert read_events(Stream(pdf, content), content, Special()) is None


@pytest.mark.skipif(not available(), reason="there is no LuaJIT")
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
def test_both_read_the_same_of_every_kind_of_document(make: documents.Make) -> None:
    with pikepdf.open(io.BytesIO(make())) as pdf:
        streams = [obj for obj in pdf.objects if isinstance(obj, Stream) and obj.get("/Subtype") == "/Form"]
        for owner in (*pdf.pages, *streams):
            contents = owner.get("/Contents") if isinstance(owner, pikepdf.Page) else owner
            listed = contents.as_list() if isinstance(contents, pikepdf.Array) else [contents]
            data = b"\n".join(stream.read_bytes() for stream in listed if isinstance(stream, Stream))
            found = module.readers.get().read(data, Special())
            assert _comparable(found) == _comparable(module._parsed(owner, Special()))


def _comparable(found: Events | str | None) -> object:
    """Without what is not held to be the same: sizes of inline images, and the last digit of a matrix."""
    assert isinstance(found, Events)
    drawn = [(d.operator, d.name, d.source, d.matrix and tuple(round(v, 6) for v in d.matrix)) for d in found.drawn]
    shown = [(s.source, set(s.codes), names(s.pairs)) for s in found.shown]
    return drawn, shown, found.sources, found.colored, found.gray, found.inline
