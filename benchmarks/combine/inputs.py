"""Inputs made for the part ``memory``: none shares a stream with another."""

from __future__ import annotations

import random
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream


def noisy_pages(folder: Path, number: int, size: int = 5_000_000) -> list[Path]:
    """One page each, with a picture of noise that nothing makes smaller without loss."""
    side = int((size / 3) ** 0.5)
    files = []
    for seed in range(number):
        pdf = Pdf.new()
        image = pdf.make_stream(
            random.Random(seed).randbytes(side * side * 3),
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=side,
            Height=side,
            BitsPerComponent=8,
            ColorSpace=Name.DeviceRGB,
        )
        page = pdf.add_blank_page(page_size=(595, 842))
        page.Resources = Dictionary(XObject=Dictionary(Im=image))
        page.Contents = pdf.make_stream(b"q 500 0 0 500 40 300 cm /Im Do Q")
        files.append(folder / f"noise-{seed:03}.pdf")
        pdf.save(files[-1], compress_streams=False, deterministic_id=True)
    return files


def noisy_copies(source: Path, folder: Path, number: int) -> list[Path]:
    """Copies of a document with a remark of its own in every content stream, picture and font."""
    files = []
    for seed in range(number):
        rng = random.Random(seed)
        with pikepdf.open(source) as pdf:
            for page in pdf.pages:
                page.Contents = Array([pdf.make_stream(b"% " + rng.randbytes(8).hex().encode() + b"\n"), *_parts(page)])
            for obj in pdf.objects:
                if isinstance(obj, Stream) and (obj.get("/Subtype") == "/Image" or "/Length1" in obj):
                    filters, parameters = obj.get("/Filter"), obj.get("/DecodeParms")
                    if filters == "/FlateDecode" and parameters is None:
                        obj.write(obj.read_bytes() + rng.randbytes(8))
                    else:
                        obj.write(obj.read_raw_bytes() + rng.randbytes(8), filter=filters, decode_parms=parameters)
            files.append(folder / f"copy-{seed:03}.pdf")
            pdf.save(files[-1], deterministic_id=True)
    return files


def _parts(page: pikepdf.Page) -> list[pikepdf.Object]:
    contents = page.obj.get("/Contents")
    return list(contents) if isinstance(contents, Array) else [] if contents is None else [contents]
