"""Tables and curves of profiles in fewer bytes lead to the same colours to the eye."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from pdfsmaller.engine.color.tables import narrow_table, shape_of_tables, thin_curve

INS, OUTS = 16, 2


def table(grid: int = 5, outputs: int = 3, channels: int = 4) -> bytes:
    """A lut16Type in which ink darkens, and each ink pulls a* and b* its own way."""
    curve = [round(0xFFFF * (n / (INS - 1)) ** 1.2) for n in range(INS)]
    points = []
    for index in range(grid**channels):
        inks = [index // grid**place % grid / (grid - 1) for place in range(channels)]
        light = 0xFF00
        for ink in inks:
            light = round(light * (1 - 0.7 * ink))
        pull = [0x8000 + round(9000 * (inks[-1] - inks[0])), 0x8000 + round(8000 * (inks[1] - inks[-1]))]
        points += [light, *pull][:outputs]
    after = [round(0xFFFF * n / (OUTS - 1)) for n in range(OUTS)]
    head = struct.pack(">4s4x4B9i2H", b"mft2", channels, outputs, grid, 0, *(65536, 0, 0) * 3, INS, OUTS)
    values = [*curve * channels, *points, *after * outputs]
    return head + struct.pack(f">{len(values)}H", *values)


def profile(tag: bytes) -> bytes:
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + b"x\0\0\0",
        b"wtpt": struct.pack(">4s4x3i", b"XYZ ", 63190, 65536, 54061),
        b"A2B0": tag,
    }
    start, places, body = 132 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        places += struct.pack(">4sII", name, start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    kinds = struct.pack(">I4sI4s4s4s", start + len(body), b"test", 0x02100000, b"scnr", b"CMYK", b"Lab ")
    head = (kinds + bytes(12) + b"acsp").ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + places + body


def shown(tag: bytes) -> bytes:
    inks = Image.new("CMYK", (64, 64))
    inks.putdata([(x * 4, y * 4, (x * y) % 256, (x + y) % 64) for y in range(64) for x in range(64)])
    lab = ImageCms.createProfile("sRGB")
    image = ImageCms.profileToProfile(inks, io.BytesIO(profile(tag)), lab, outputMode="RGB")
    assert image is not None
    return image.tobytes()


def test_a_table_of_16_bits_leads_to_the_same_colours_in_8() -> None:
    wide = table()
    narrow = narrow_table(wide)
    assert narrow[:4] == b"mft1"
    assert len(narrow) < len(wide)
    assert len(narrow) == 48 + 4 * 256 + 5**4 * 3 + 3 * 256
    differences = [abs(a - b) for a, b in zip(shown(wide), shown(narrow), strict=True)]
    assert max(differences) <= 5
    assert sum(differences) / len(differences) < 0.5


def test_no_value_of_a_table_carries_into_the_next() -> None:
    most = table(outputs=3)
    start = 52 + 2 * 4 * INS
    narrow = narrow_table(most[:start] + b"\xff\xff" + b"\xff\x80" + b"\x7f\x80" + most[start + 6 :])
    assert narrow[48 + 4 * 256 :][:3] == b"\xff\xff\x80"


@pytest.mark.parametrize("tag", [table(outputs=1), table()[:-2], b"mft2", b"curv" + bytes(60)])
def test_what_is_no_table_to_lab_stays(tag: bytes) -> None:
    assert narrow_table(tag) == tag


@given(st.binary(max_size=60), st.integers(0, 80))
def test_damaged_tables_are_no_error(noise: bytes, at: int) -> None:
    tag = table(grid=2)
    damaged = tag[:at] + noise + tag[at + len(noise) :]
    narrow_table(damaged)
    thin_curve(b"curv" + noise)
    shape_of_tables({b"A2B0": damaged})


def curve(values: list[int]) -> bytes:
    return struct.pack(f">4s4xI{len(values)}H", b"curv", len(values), *values)


def srgb(x: float) -> float:
    return x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4


def shown_level(light: float) -> float:
    return 255 * (light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("light", [srgb, lambda x: x**1.8, lambda x: x**2.2], ids=["sRGB", "1.8", "2.2"])
def test_a_curve_of_many_points_becomes_one_of_few(light: object) -> None:
    assert callable(light)
    thick = curve([round(0xFFFF * light(n / 1023)) for n in range(1024)])
    thin = thin_curve(thick)
    (points,) = struct.unpack_from(">I", thin, 8)
    assert 2 < points <= 97
    values = struct.unpack_from(f">{points}H", thin, 12)
    for level in range(256):
        place = level / 255 * (points - 1)
        low = min(int(place), points - 2)
        found = values[low] + (values[low + 1] - values[low]) * (place - low)
        assert abs(shown_level(found / 0xFFFF) - shown_level(light(level / 255))) < 0.6


def test_a_curve_with_a_step_keeps_its_points() -> None:
    step = curve([0] * 500 + [0xFFFF] * 524)
    assert thin_curve(step) == step


def test_rows_are_those_of_the_largest_tables() -> None:
    tags = {b"A2B0": table(), b"A2B1": table(), b"B2A0": b"mft1" + bytes(4) + bytes([3, 4, 33, 0]) + bytes(150_000)}
    assert shape_of_tables(tags) == (4, 33)
    assert shape_of_tables({b"A2B0": table()}) == (6, 5)
    assert shape_of_tables({b"rTRC": b"curv" + bytes(60)}) is None
