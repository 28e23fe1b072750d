"""Meshes in half their bits: every point where it was, as far as anybody can see, colours and flags untouched."""

from __future__ import annotations

import io
import random
import struct
from typing import Any

import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream
from PIL import ImageChops

from pdfsmaller.engine.structure.meshes import thin_meshes
from pdfsmaller.limits import Limits

BOX = (40.0, 360.0, 80.0, 720.0)
#: (flags, points, colours) of the records of some meshes, by type.
MESHES: dict[int, list[tuple[int, int, int]]] = {
    4: [(0, 1, 1), (0, 1, 1), (0, 1, 1), (1, 1, 1), (2, 1, 1)],
    5: [(-1, 1, 1)] * 12,
    6: [(0, 12, 4), (2, 8, 2), (0, 12, 4)],
    7: [(0, 16, 4), (1, 12, 2), (3, 12, 2), (0, 16, 4)],
}


def mesh(pdf: Pdf, kind: int, seed: int = 1, **entries: Any) -> tuple[Stream, list[int]]:
    """A mesh of random points in 32 bits, and these."""
    rng = random.Random(seed)
    coordinates: list[int] = []
    data = b""
    for flag, points, colors in MESHES[kind]:
        found = [rng.randrange(1 << 30, 3 << 30) for _ in range(2 * points)]
        coordinates += found
        data += (b"" if flag < 0 else bytes([flag])) + struct.pack(f">{len(found)}I", *found)
        data += rng.randbytes(3 * colors)
    flags = {} if kind == 5 else {"BitsPerFlag": 8}
    rows = {"VerticesPerRow": 4} if kind == 5 else {}
    given = {
        "ShadingType": kind, "ColorSpace": Name.DeviceRGB, "BitsPerCoordinate": 32, "BitsPerComponent": 8,
        "Decode": Array([*BOX, 0, 1, 0, 1, 0, 1]), **flags, **rows, **entries,
    }  # fmt: skip
    return pdf.make_stream(data, Dictionary({f"/{key}": value for key, value in given.items()})), coordinates


def read(stream: Stream, kind: int) -> tuple[list[float], bytes]:
    """The coordinates that a mesh of 16 bits stands for, and all else in it."""
    decode = [float(value) for value in stream.Decode]
    data, at, rest, values = stream.read_bytes(), 0, b"", []
    for flag, points, colors in MESHES[kind]:
        begin = at + (flag >= 0)
        end = begin + 4 * points
        values += struct.unpack(f">{2 * points}H", data[begin:end])
        rest += data[at:begin] + data[end : end + 3 * colors]
        at = end + 3 * colors
    assert at == len(data)
    spans = (decode[0], decode[1] - decode[0]), (decode[2], decode[3] - decode[2])
    return [spans[i % 2][0] + value / 65535 * spans[i % 2][1] for i, value in enumerate(values)], rest


@pytest.mark.parametrize("kind", MESHES)
def test_points_stay_where_they_are(kind: int) -> None:
    pdf = pikepdf.new()
    stream, coordinates = mesh(pdf, kind)
    before = stream.read_bytes()
    thin_meshes(pdf, Limits())
    assert stream.BitsPerCoordinate == 16
    assert [float(value) for value in stream.Decode][4:] == [0, 1, 0, 1, 0, 1]
    found, rest = read(stream, kind)
    assert len(found) == len(coordinates)
    for index, (new, old) in enumerate(zip(found, coordinates, strict=True)):
        low, high = BOX[2 * (index % 2) :][:2]
        assert abs(new - (low + old / (2**32 - 1) * (high - low))) <= (high - low) / 2 / 65535 + 1e-5
    kept, at = b"", 0
    for flag, points, colors in MESHES[kind]:
        begin = at + (flag >= 0)
        kept += before[at:begin] + before[begin + 8 * points :][: 3 * colors]
        at = begin + 8 * points + 3 * colors
    assert rest == kept


def rendered(pdf: Pdf) -> Any:
    file = io.BytesIO()
    pdf.save(file)
    with pypdfium2.PdfDocument(file.getvalue()) as document:
        return document[0].render(scale=2).to_pil().convert("RGB")


@pytest.mark.parametrize("kind", [4, 5, 6, 7])
def test_it_looks_the_same(kind: int) -> None:
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(400, 800))
    stream, _ = mesh(pdf, kind, seed=3)
    pdf.pages[0].obj.Resources = Dictionary(Shading=Dictionary(S=stream))
    pdf.pages[0].Contents = pdf.make_stream(b"/S sh")
    before = rendered(pdf)
    assert len(before.getcolors(1 << 24)) > 50
    thin_meshes(pdf, Limits())
    changed = ImageChops.difference(before, rendered(pdf)).convert("L").histogram()
    assert sum(changed[24:]) < 400 * 800 * 4 / 2000


@pytest.mark.parametrize(
    "entries",
    [
        {"BitsPerCoordinate": 24},
        {"BitsPerComponent": 4},
        {"BitsPerFlag": 2},
        {"Decode": Array([0, 1])},
        {"Decode": Name.Decode},
        {"ShadingType": 6},  # its patches are shorter
        {"Filter": Name.DCTDecode},
    ],
    ids=str,
)
def test_what_is_not_certain_stays(entries: dict[str, Any]) -> None:
    pdf = pikepdf.new()
    stream, _ = mesh(pdf, 7, **entries)
    before = stream.read_raw_bytes()
    thin_meshes(pdf, Limits())
    assert stream.read_raw_bytes() == before


def test_a_mesh_of_one_point_and_an_empty_one() -> None:
    pdf = pikepdf.new()
    point, _ = mesh(pdf, 5)
    point.write(bytes(11) * 4)
    empty, _ = mesh(pdf, 7)
    empty.write(b"")
    thin_meshes(pdf, Limits())
    assert len(point.read_bytes()) == 7 * 4
    assert [float(value) for value in point.Decode][:4] == [BOX[0], BOX[0], BOX[2], BOX[2]]
    assert empty.BitsPerCoordinate == 32
