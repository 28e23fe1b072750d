"""The decoder of forms finds what werkzeug's own does."""

from __future__ import annotations

import random
import re

import pytest
from werkzeug import formparser
from werkzeug.sansio.multipart import Event, MultipartDecoder, NeedData
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from pdfsmaller.http.form_decoder import FormDecoder, read_forms_so

_PIECES = (b"\r", b"\n", b"\r\n", b"-", b"--", b"--b", b"b", b"\r\n--b", b"--b--", b" ", b"\t", b"x", b"\x0b", b"")


def _whole(data: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n' + data + b"\r\n--b--\r\n"


@pytest.mark.parametrize("boundary", [b"b", b"-b", b"b.+", b"--"])
@pytest.mark.parametrize("pattern", ["preamble_re", "boundary_re"])
def test_it_finds_a_boundary_where_the_pattern_does(boundary: bytes, pattern: str) -> None:
    ours, theirs = getattr(FormDecoder(boundary), pattern), getattr(MultipartDecoder(boundary), pattern)
    draw = random.Random(1)
    pieces = (*_PIECES, *(b"--" + boundary, b"\r\n--" + boundary, b"\n") * 4)
    found = 0
    for _ in range(20_000):
        data = b"".join(draw.choices(pieces, k=draw.randint(0, 8)))
        begin = draw.randint(0, len(data))
        wanted, got = theirs.search(data, begin), ours.search(data, begin)
        assert (wanted is None) == (got is None), (data, begin)
        if wanted:
            found += 1
            assert (wanted.start(), wanted.end(), wanted.group(1)) == (got.start(), got.end(), got.group(1)), data
    assert found > 1_000


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_a_form_in_pieces_of_any_size_gives_the_same(size: int) -> None:
    form = _whole(b"one\r\n--bx\r\n-- b\r\n--b \r\n" + b'Content-Disposition: form-data; name="g"\r\n\r\ntwo\r\n')
    assert _events(FormDecoder(b"b"), form, size) == _events(MultipartDecoder(b"b"), form, size)


def _events(decoder: MultipartDecoder, form: bytes, size: int) -> list[Event]:
    events = []
    for at in range(0, len(form) + size, size):
        decoder.receive_data(form[at : at + size] or None)
        while not isinstance(event := decoder.next_event(), NeedData):
            events.append(event)
            if decoder.complete and not decoder.buffer:
                return events
    return events


def test_reading_a_form_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    read_forms_so()
    _read("first")
    monkeypatch.setattr(re._compiler, "compile", _refuse)  # type: ignore[attr-defined]
    assert _read("another") == {"name": "value"}


def test_it_is_not_used_where_it_reads_otherwise_than_werkzeug_does(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(MultipartDecoder):
        """A release that keeps its patterns elsewhere."""

        def next_event(self) -> Event:
            raise AttributeError("first_re")

    monkeypatch.setattr(formparser, "MultipartDecoder", MultipartDecoder)
    monkeypatch.setattr(FormDecoder, "next_event", Later.next_event)
    read_forms_so()
    assert formparser.MultipartDecoder is MultipartDecoder  # type: ignore[attr-defined]
    monkeypatch.undo()
    read_forms_so()
    assert formparser.MultipartDecoder is FormDecoder  # type: ignore[attr-defined]


def _read(boundary: str) -> dict[str, str]:
    body = _whole(b"value").replace(b"--b", f"--{boundary}".encode()).replace(b'"f"', b'"name"')
    builder = EnvironBuilder(method="POST", data=body, content_type=f"multipart/form-data; boundary={boundary}")
    return Request(builder.get_environ()).form.to_dict()


def _refuse(pattern: object, *_: object) -> None:
    raise AssertionError(f"compiled: {pattern!r}")
