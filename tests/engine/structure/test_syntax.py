"""Names and text that keep to no encoding survive."""

from __future__ import annotations

import pytest
from pikepdf import Name, Object, String

from pdfsmaller.engine.structure.syntax import make_name, name_syntax, name_text, narrow_text, string_text
from tests import documents
from tests.engine.conftest import Run


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ("/Name", b"/Name"),
        ("/a b", b"/a#20b"),
        ("/#(", b"/#23#28"),
        ("/\u00fc", b"/#c3#bc"),
        ("/\udcfc", b"/#fc"),
        ("/", b"/"),
    ],
)
def test_a_name_is_written_as_it_was_read(text: str, syntax: bytes) -> None:
    assert name_syntax(text) == syntax
    if text != "/":
        assert name_text(make_name(text)) == text
        assert name_text(Object.parse(syntax)) == text


def test_what_is_no_name_and_no_string_is_empty_text() -> None:
    assert name_text(None) == name_text(String("x")) == string_text(None) == string_text(Name.X) == ""


def test_malformed_text_is_read_all_the_same() -> None:
    assert string_text(String(b"\xfe\xff\x00a\x00")) != ""


@pytest.mark.parametrize(
    ("sound", "malformed"), [(b"/Type /XObject", b"/Type /XObjec\xe9"), (b"/FlateDecode", b"/FlateDecod\xe9")]
)
def test_names_that_are_no_utf_8_do_not_end_the_work(run: Run, sound: bytes, malformed: bytes) -> None:
    data = documents.edited(documents.photo_flate(), lambda pdf: pdf.pages.append(pdf.pages[0]))
    assert sound in data
    result = run(data.replace(sound, malformed, 1), preset="ebook", verify="off")
    assert "left_alone" not in result.warnings()


@pytest.mark.parametrize("text", ["", "A plain title", "Größe\tund\nZeile", "¡ÿ", "(a) \\ b"])
def test_text_of_one_byte_characters_is_narrowed(text: str) -> None:
    narrow = narrow_text(b"\xfe\xff" + text.encode("utf-16-be"))
    assert len(narrow) == len(text)
    assert str(String(narrow)) == text


@pytest.mark.parametrize("text", ["“quoted”", "日本", "\x85", "soft\xadhyphen", "þÿ", "ï»¿x"])
def test_other_text_stays_utf_16(text: str) -> None:
    wide = b"\xfe\xff" + text.encode("utf-16-be")
    assert narrow_text(wide) == wide


@pytest.mark.parametrize("value", [b"", b"\xfe", b"\xfe\xff\0", b"plain", b"\xff\xfeA\0"])
def test_what_is_no_utf_16_stays(value: bytes) -> None:
    assert narrow_text(value) == value
