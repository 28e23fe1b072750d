"""Source profiles keep what colours need, and nothing else."""

from __future__ import annotations

import hashlib
import io
import struct

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image, ImageCms

from pdfsmaller.engine.color.profiles import is_srgb, read_tags, slim_profile, slim_profiles, srgb_profiles
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.conftest import Run


def profile(tags: dict[bytes, bytes], space: bytes = b"CMYK", kind: bytes = b"prtr", named: bool = False) -> bytes:
    start = 128 + 4 + 12 * len(tags)
    table, body = b"", b""
    for name, value in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(value))
        body += value
    header = struct.pack(">I4sI4s4s4s12x4s", start + len(body), b"test", 0x02400000, kind, space, b"Lab ", b"acsp")
    identity = b"\1" * 16 if named else bytes(16)
    return header.ljust(84, b"\0") + identity + bytes(28) + struct.pack(">I", len(tags)) + table + body


TEXT = b"desc" + bytes(4) + struct.pack(">I", 5) + b"name\0" + bytes(300)
TABLE = b"mft1" + bytes(996)
PRINTER = {
    b"desc": TEXT, b"cprt": b"text" + bytes(4) + b"(c)\0", b"wtpt": b"XYZ " + bytes(16), b"A2B0": TABLE, b"A2B1": TABLE,
    b"B2A0": b"mft2" + bytes(5000), b"gamt": b"mft2" + bytes(700), b"targ": b"text" + bytes(9000),
}  # fmt: skip


def test_a_printer_profile_becomes_a_source() -> None:
    slim = slim_profile(profile(PRINTER), exact=False)
    tags = read_tags(slim)
    assert tags is not None
    assert set(tags) == {b"desc", b"cprt", b"wtpt", b"A2B0", b"A2B1"}
    assert slim[12:16] == b"scnr"
    assert struct.unpack(">I", slim[:4])[0] == len(slim)
    assert len(slim) < 1500, "equal tables share their bytes"
    assert tags[b"A2B0"] == tags[b"A2B1"] == TABLE
    assert tags[b"desc"][12:17] == b"name\0"


def test_tables_to_the_device_stay_where_no_pixel_may_change() -> None:
    slim = slim_profile(profile(PRINTER), exact=True)
    assert set(read_tags(slim) or ()) == {b"desc", b"cprt", b"wtpt", b"A2B0", b"A2B1", b"B2A0"}
    assert slim[12:16] == b"prtr"


def test_a_profile_with_an_identity_gets_its_own() -> None:
    slim = slim_profile(profile(PRINTER, named=True), exact=False)
    digested = slim[:44] + bytes(4) + slim[48:64] + bytes(4) + slim[68:84] + bytes(16) + slim[100:]
    assert slim[84:100] == hashlib.md5(digested, usedforsecurity=False).digest()
    assert slim_profile(profile(PRINTER), exact=False)[84:100] == bytes(16)


def test_translations_go() -> None:
    records = b"".join(
        struct.pack(">4sII", code, 4, 28 + 24 + 4 * n) for n, code in enumerate([b"deDE", b"enUS", b"frFR"])
    )
    text = struct.pack(">4s4xII", b"mluc", 3, 12) + records + "deenfr".encode("utf-16-be")
    tags = read_tags(slim_profile(profile(PRINTER | {b"desc": text}), exact=False))
    assert tags is not None
    assert tags[b"desc"] == struct.pack(">4s4xII4sII", b"mluc", 1, 12, b"enUS", 4, 28) + "en".encode("utf-16-be")


@pytest.mark.parametrize("missing", [b"desc", b"wtpt", b"A2B0"])
def test_a_profile_that_lacks_something_is_left_alone(missing: bytes) -> None:
    tags = {name: value for name, value in PRINTER.items() if name != missing}
    assert slim_profile(profile(tags), exact=False) == profile(tags)


@given(st.binary(max_size=300), st.integers(0, 400))
def test_damaged_profiles_are_no_error(noise: bytes, at: int) -> None:
    data = profile(PRINTER)
    damaged = data[:at] + noise + data[at + len(noise) :]
    slim_profile(damaged, exact=False)
    is_srgb(damaged)


def test_srgb_is_known_by_its_numbers() -> None:
    assert is_srgb(documents.srgb_profile())
    assert not is_srgb(profile(PRINTER))
    other = bytearray(documents.srgb_profile())
    tags = read_tags(bytes(other))
    assert tags is not None
    at = bytes(other).index(tags[b"rXYZ"])
    struct.pack_into(">i", other, at + 8, round(0.6097 * 65536))  # Adobe RGB's red
    assert not is_srgb(bytes(other))


def test_slim_profiles_mean_the_same_colours() -> None:
    data = documents.srgb_profile()
    slim = slim_profile(data, exact=True)
    assert len(slim) < len(data)
    picture = documents.photo(60, 40)
    lab = ImageCms.createProfile("LAB")
    results = [
        ImageCms.profileToProfile(picture, io.BytesIO(p), lab, outputMode="LAB") for p in (data, slim)
    ]  # fmt: skip
    assert all(isinstance(image, Image.Image) for image in results)
    assert results[0].tobytes() == results[1].tobytes()  # type: ignore[union-attr]


def test_an_output_intent_keeps_its_profile() -> None:
    pdf = pikepdf.new()
    pdf.add_blank_page()
    data = profile(PRINTER)
    own, shared = (pdf.make_stream(data, N=4) for _ in range(2))
    spaces = Dictionary(A=Array([Name.ICCBased, own]), B=Array([Name.ICCBased, shared]))
    pdf.pages[0].obj.Resources = Dictionary(ColorSpace=spaces)
    pdf.Root.OutputIntents = Array([Dictionary(S=Name.GTS_PDFX, DestOutputProfile=shared)])
    slim_profiles(pdf, Limits(), exact=False)
    assert len(own.read_bytes()) < len(data)
    assert shared.read_bytes() == data
    assert srgb_profiles(pdf, Limits()) == set()


def curved(points: int, date: bytes = bytes(12)) -> bytes:
    """sRGB with curves of so many points, made at a time."""
    light = [
        x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in (n / (points - 1) for n in range(points))
    ]
    curve = struct.pack(f">4s4xI{points}H", b"curv", points, *(round(0xFFFF * value) for value in light))
    tags = {name: value for name, value in (read_tags(documents.srgb_profile()) or {}).items() if name[1:] == b"XYZ"}
    tags |= {name: PRINTER[name] for name in (b"desc", b"cprt", b"wtpt")}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    data = profile(tags, b"RGB ", b"mntr", named=True)
    return data[:20] + b"XYZ " + date + data[36:]


def test_profiles_that_differ_in_their_date_alone_become_one() -> None:
    pdf = pikepdf.new()
    profiles = [pdf.make_stream(curved(9, bytes([7, 221, 0, 10, 0, 8, 0, 11, 0, 2, 0, n])), N=3) for n in range(3)]
    other = pdf.make_stream(curved(10), N=3)
    slim_profiles(pdf, Limits(), exact=True)
    assert len({stream.read_bytes() for stream in profiles}) == 1
    assert profiles[0].read_bytes()[24:36] != bytes(12)
    assert other.read_bytes() != profiles[0].read_bytes()


@pytest.mark.parametrize("exact", [True, False])
def test_an_output_intent_has_curves_of_fewer_points_where_losses_are_allowed(exact: bool) -> None:
    pdf = pikepdf.new()
    data = curved(1024)
    intent = pdf.make_stream(data, N=3)
    pdf.Root.OutputIntents = Array([Dictionary(S=Name.GTS_PDFA1, DestOutputProfile=intent)])
    slim_profiles(pdf, Limits(), exact=exact)
    if exact:
        assert intent.read_bytes() == data
    else:
        thin = intent.read_bytes()
        assert len(thin) < 1200
        assert (read_tags(thin) or {}).keys() == (read_tags(data) or {}).keys()
        assert is_srgb(thin)


@pytest.mark.parametrize("preset", ["ebook", "lossless"])
def test_srgb_is_device_rgb_where_losses_are_allowed(run: Run, preset: str) -> None:
    data = documents.icc_rgb(300, 200, dpi=100)
    result = run(data, preset=preset)
    assert result.mean_error() < 3
    profiles = [str(image.ColorSpace) if isinstance(image.ColorSpace, Name) else "" for image in result.images()]
    assert profiles == (["/DeviceRGB"] if preset == "ebook" else [""])


def test_a_default_colour_space_keeps_srgb(run: Run) -> None:
    def default(pdf: Pdf) -> None:
        pdf.pages[0].obj.Resources.ColorSpace = Dictionary(
            DefaultRGB=Array([Name.CalRGB, Dictionary(WhitePoint=Array([1, 1, 1]))])
        )

    result = run(documents.edited(documents.icc_rgb(300, 200, dpi=100), default), preset="ebook")
    assert not isinstance(result.images()[0].ColorSpace, Name)
