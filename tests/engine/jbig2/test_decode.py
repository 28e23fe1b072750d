"""JBIG2 to pixels: the standard's own example, what other coders write, and what nobody should."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest
import pyvips
from PIL import Image

from pdfsmaller.engine import lua
from pdfsmaller.engine.images.codecs import ccitt
from pdfsmaller.engine.images.pixels import INVERTED
from pdfsmaller.engine.jbig2.decode import Undecodable, decode
from pdfsmaller.engine.jbig2.segments import LOSSLESS_GENERIC, page_information, region, segment
from pdfsmaller.engine.jbig2.symbols import Bitmap, encode
from tests.engine.jbig2.test_symbols import letters

# Of the example in annex H of T.88: segments 15 to 18 are its third page (an aggregated symbol, a refined one, text of
# both), 8 and 11 a generic region of its second, with adaptive pixels and typical prediction.
SYMBOLS = bytes.fromhex("0000001000010000000016080002ff00000001000000014fe78d681b142f3fffac")
PAGE = bytes.fromhex(
    "0000000f3000030000001300000025000000080000000000000000010000"
    "000000110021100300000020080202ffffffffff00000003000000024fe9d7d590c3b526a7fb6d14983fffac"
    "00000012072011030000002500000025000000080000000000000000008c1200000004a95c8bf4c37d966a28e5768fffac"
)
FRAME = bytes.fromhex(
    "000000083000020000001300000040000000380000000000000000010000"
    + "0000000b27000200000023000000360000002c000000040000000b000803fffdff02fefefe04eeed87fbcb2bffac"
)
LINES = [
    ".####....####...####....####....####.",
    "#....#.......#..#...#.......#..#....#",
    "#........#####..#...#...#####..#.....",
    "#.......#....#..#...#..#....#..#.....",
    "#....#..#....#..####...#....#..#....#",
    ".####....#####..#.......#####...####.",
    "................#....................",
    "................#....................",
]


def rows(black: bytes, width: int) -> list[str]:
    row = (width + 7) // 8
    return [
        "".join(".#"[black[at + x // 8] >> 7 - x % 8 & 1] for x in range(width)) for at in range(0, len(black), row)
    ]


def test_the_example_of_the_standard() -> None:
    assert rows(decode(PAGE, SYMBOLS, 37, 8), 37) == LINES


def test_shared_segments_may_stand_with_the_page() -> None:
    assert rows(decode(SYMBOLS + PAGE, b"", 37, 8), 37) == LINES


def test_a_frame_with_typical_prediction() -> None:
    found = rows(decode(FRAME, b"", 64, 56), 64)
    assert [y for y, row in enumerate(found) if "#" in row] == list(range(11, 55))
    assert found[11] == found[54] == "." * 4 + "#" * 54 + "." * 6
    assert found[20] == "." * 4 + "##" + "." * 50 + "##" + "." * 6


def fax(page: Bitmap) -> bytes:
    """A page as a generic region that is coded as a fax (MMR)."""
    packed = page.black.translate(INVERTED)
    picture = Image.frombytes("1", (page.width, page.height), packed).convert("L")
    paper_is_white = pyvips.Image.new_from_memory(picture.tobytes(), page.width, page.height, 1, "uchar")
    coded = ccitt.group_4(paper_is_white.copy(interpretation="b-w")).data
    head = page_information(0, page.width, page.height)
    return head + segment(1, LOSSLESS_GENERIC, region(page.width, page.height) + b"\1" + coded)


def test_a_fax_within() -> None:
    page = letters(301, 200, 7)
    data = fax(page)
    assert decode(data, b"", page.width, page.height) == page.black
    with pytest.raises(Undecodable, match="damaged"):
        decode(data[:4] + data[4:].replace(data[60:70], bytes(10)), b"", page.width, page.height)


def test_jbig2dec_sees_the_same_fax(tmp_path: Path) -> None:
    if shutil.which("jbig2dec") is None:
        pytest.skip("jbig2dec is not installed")
    page = letters(301, 200, 7)
    (tmp_path / "page").write_bytes(fax(page))
    subprocess.run(["jbig2dec", "-e", "-t", "pbm", "-o", "out.pbm", "page"], check=True, cwd=tmp_path)
    found = (tmp_path / "out.pbm").read_bytes()
    assert found.endswith(decode(fax(page), b"", page.width, page.height))


@pytest.mark.parametrize(
    ("data", "shared", "size", "reason"),
    [
        (PAGE, SYMBOLS, (38, 8), "damaged"),
        (PAGE, b"", (37, 8), "damaged"),
        (PAGE[:-20], SYMBOLS, (37, 8), "damaged"),
        (b"", b"", (37, 8), "damaged"),
        (PAGE.replace(b"\x12\x07\x20\x11", b"\x12\x17\x20\x11"), SYMBOLS, (37, 8), "unsupported"),
    ],
)
def test_what_it_is_not(data: bytes, shared: bytes, size: tuple[int, int], reason: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decode(data, shared, *size)
    assert caught.value.reason == reason


def _damaged(data: bytes, source: random.Random) -> bytes:
    """Some bytes changed, lost or doubled."""
    changed = bytearray(data)
    for _ in range(source.choice((1, 1, 2, 5))):
        at = source.randrange(len(changed))
        match source.randrange(4):
            case 0:
                changed[at] = source.randrange(256)
            case 1:
                changed[at] ^= 1 << source.randrange(8)
            case 2:
                del changed[at : at + source.randrange(1, 9)]
            case _:
                changed[at:at] = changed[at : at + source.randrange(1, 9)]
        if not changed:
            break
    return bytes(changed)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_data_is_told_or_gives_a_bitmap_of_the_size(seed: int) -> None:
    """Nothing crashes, nothing goes on for ever."""
    source = random.Random(seed)
    page = letters(300, 120, seed % 5)
    coded = encode([page], [10**6])
    assert coded is not None
    (data,) = coded.pages
    samples = [(PAGE, SYMBOLS, 37, 8), (FRAME, b"", 64, 56)]
    if data is not None:
        samples.append((data, coded.shared, page.width, page.height))
    for _ in range(10):
        for whole, shared, width, height in samples:
            found, reason = _tried(_damaged(whole, source), _damaged(shared, source) if shared else b"", width, height)
            assert len(found) == (width + 7) // 8 * height or reason in ("damaged", "unsupported", "large")


def _tried(data: bytes, shared: bytes, width: int, height: int) -> tuple[bytes, str]:
    """The pixels, or why there are none."""
    try:
        return decode(data, shared, width, height), ""
    except Undecodable as error:
        return b"", error.reason


def test_symbols_of_too_many_pixels_are_refused() -> None:
    """A hundred bytes that ask for gigabytes."""
    huge = SYMBOLS.replace(b"\0\0\0\x01\0\0\0\x01", b"\0\0\xff\xff\0\0\xff\xff")
    with pytest.raises(Undecodable):
        decode(PAGE, huge, 37, 8)
    wide = PAGE.replace(b"\0\0\0\x25\0\0\0\x08", b"\0\x0f\xff\xff\0\x0f\xff\xff")
    with pytest.raises(Undecodable):
        decode(wide, SYMBOLS, 37, 8)


def test_without_luajit_nothing_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lua, "_SECONDS", -1.0)
    monkeypatch.setattr(lua, "_SECONDS_PER_PIXEL", 0.0)
    try:
        with pytest.raises(lua.Unavailable):
            decode(PAGE, SYMBOLS, 37, 8)
        with pytest.raises(lua.Unavailable):
            encode([Bitmap(b"\xff" * 800, 80, 80)], [800])
    finally:
        lua._unavailable.clear()
