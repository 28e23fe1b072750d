"""Pictures into PDFs without loss: ours beside img2pdf."""

from __future__ import annotations

import importlib.util
import io
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pikepdf
import pypdfium2
from pikepdf import PdfImage, Stream
from PIL import Image, ImageChops, ImageDraw

from benchmarks.measure import OURS, filled, heading, run, write_table

TOOLS = {
    "pdfsmaller": [OURS, "images", "{in}", "-o", "{out}", "-q"],
    "img2pdf": [sys.executable, "-m", "img2pdf", "{in}", "-o", "{out}"],
}
#: Pictures taken out of the corpus: so many of each format, none larger than so many pixels.
EACH = 12
PIXELS = 12_000_000
#: What pikepdf raises for a picture that it cannot decode.
_UNREADABLE = (
    pikepdf.PdfError,
    pikepdf.UnsupportedImageTypeError,
    pikepdf.DependencyError,
    NotImplementedError,
    ValueError,
    OSError,
    AttributeError,
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture through one tool. ``pixels``: same, differ, refused (nothing came out), unread (nothing can tell)."""

    kind: str
    file: str
    tool: str
    bytes_in: int
    bytes_out: int
    seconds: float
    peak_mb: int
    pixels: str


def measure(documents: list[Path], out: Path, command: str, timeout: float) -> None:
    """Every picture through every tool."""
    missing = [tool for tool in TOOLS if tool != "pdfsmaller" and importlib.util.find_spec(tool) is None]
    rows: list[Picture] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, file in [*generated(folder), *extracted(documents, folder)]:
            for tool, words in TOOLS.items():
                if tool in missing:
                    continue
                target = folder / "out.pdf"
                target.unlink(missing_ok=True)
                cost = run(filled(words, [file], target), timeout)
                size = target.stat().st_size if target.exists() else 0
                said = same_pixels(file, target) if size else "refused"
                rows.append(Picture(kind, file.name, tool, file.stat().st_size, size, cost.seconds, cost.peak_mb, said))
            print(f"{kind}: {file.name}", file=sys.stderr)
        write_table(out / "images.tsv", rows)
        (out / "images.md").write_text(_in_words(rows, heading(command), missing), encoding="utf-8")


# --- pictures ---------------------------------------------------------------------------------------------------------


def generated(folder: Path) -> Iterator[tuple[str, Path]]:
    """Pictures of every common kind."""
    photo, page = _photo(), _page()
    masked = photo.convert("RGBA")
    masked.putalpha(Image.linear_gradient("L").resize(photo.size))
    deep = Image.frombytes("I;16", (400, 300), random.Random(3).randbytes(400 * 300 * 2))
    turned = photo.getexif()
    turned[0x0112] = 6
    pictures = [
        ("JPEG", "rgb.jpg", photo, {"quality": 88}),
        ("JPEG", "gray.jpg", photo.convert("L"), {"quality": 88}),
        ("JPEG", "cmyk.jpg", photo.convert("CMYK"), {"quality": 88}),
        ("JPEG", "progressive.jpg", photo, {"quality": 88, "progressive": True}),
        ("JPEG, turned by EXIF", "turned.jpg", photo, {"quality": 88, "exif": turned}),
        ("PNG", "rgb.png", photo, {}),
        ("PNG", "gray.png", photo.convert("L"), {}),
        ("PNG", "palette.png", photo.quantize(64), {}),
        ("PNG, 1 bit", "page.png", page, {}),
        ("PNG, alpha", "alpha.png", masked, {}),
        ("PNG, 16 bits", "deep.png", deep, {}),
        ("TIFF, G4", "page.tif", page, {"compression": "group4"}),
        ("TIFF", "rgb-lzw.tif", photo, {"compression": "tiff_lzw"}),
        ("TIFF", "rgb-raw.tif", photo, {}),
        ("TIFF", "cmyk.tif", photo.convert("CMYK"), {"compression": "tiff_adobe_deflate"}),
        ("GIF", "palette.gif", photo.quantize(64), {}),
        ("WebP", "lossless.webp", photo, {"lossless": True}),
    ]
    for kind, name, image, options in pictures:
        image.save(folder / name, **options)  # type: ignore[arg-type]
        yield kind, folder / name


def extracted(documents: list[Path], folder: Path) -> Iterator[tuple[str, Path]]:
    """Pictures as they lie in the corpus's documents; the largest of each document, up to ``EACH`` of a format."""
    counts: dict[str, int] = {}
    for document in documents:
        with pikepdf.open(document) as pdf:
            images = [o for o in pdf.objects if isinstance(o, Stream) and o.get("/Subtype") == "/Image"]
            images = [o for o in images if 4096 < int(o.get("/Width", 0)) * int(o.get("/Height", 0)) < PIXELS]
            images.sort(key=lambda o: -len(o.read_raw_bytes()))
            for image in images[:1]:
                buffer = io.BytesIO()
                try:
                    suffix = PdfImage(image).extract_to(stream=buffer)
                except _UNREADABLE:
                    continue
                counts[suffix] = counts.get(suffix, 0) + 1
                if counts[suffix] <= EACH:
                    file = folder / f"{document.stem}{suffix}"
                    file.write_bytes(buffer.getvalue())
                    yield f"corpus {suffix}", file


def _photo() -> Image.Image:
    rng = random.Random(1)
    image = Image.new("RGB", (1200, 900))
    for cells in (6, 40, 200):
        noise = Image.frombytes("RGB", (cells, cells * 3 // 4), rng.randbytes(cells * (cells * 3 // 4) * 3))
        image = Image.blend(image, noise.resize(image.size, Image.Resampling.BICUBIC), 0.5)
    return image


def _page() -> Image.Image:
    image = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(image)
    for line in range(50):
        draw.text((90, 60 + line * 33), f"{line:02} The quick brown fox jumps over the lazy dog. " * 2, 0, font_size=22)
    return image.point(lambda value: 255 * (value > 127)).convert("1", dither=Image.Dither.NONE)


# --- pixels -----------------------------------------------------------------------------------------------------------


def same_pixels(file: Path, target: Path) -> str:
    """Whether the picture in a PDF has the pixels that Pillow reads from the file."""
    with Image.open(file) as opened:
        opened.load()
        before = opened.copy()
    try:
        with pikepdf.open(target) as pdf:
            images = [o for o in pdf.objects if isinstance(o, Stream) and o.get("/Subtype") == "/Image"]
            masks = {o.SMask.objgen for o in images if "/SMask" in o}
            shown = [o for o in images if o.objgen not in masks]
            if len(shown) != 1:
                return "unread"
            if before.mode.startswith("I;16"):
                data = shown[0].read_bytes()
                swapped = bytearray(before.tobytes())
                swapped[::2], swapped[1::2] = swapped[1::2], swapped[::2]
                return "same" if data == bytes(swapped) else "differ"
            after = PdfImage(shown[0]).as_pil_image()
    except _UNREADABLE:
        return _seen(before, target)
    if after.size != before.size:
        return "differ"
    if "CMYK" in (before.mode, after.mode) and before.mode != after.mode:
        return "differ"
    mode = "CMYK" if before.mode == "CMYK" else "RGBA"
    one, other = before.convert(mode), after.convert(mode)
    if mode == "CMYK":
        return "same" if one.tobytes() == other.tobytes() else "differ"
    if one.getchannel("A").tobytes() != other.getchannel("A").tobytes():
        return "differ"
    hidden = one.getchannel("A").point(lambda value: 255 * (value > 0))
    black = Image.new("RGB", one.size)
    views = [Image.composite(image.convert("RGB"), black, hidden) for image in (one, other)]
    return "same" if ImageChops.difference(*views).getbbox() is None else "differ"


def _seen(before: Image.Image, target: Path) -> str:
    """The same, as the page looks pixel for pixel; for codings that only a viewer reads."""
    with pypdfium2.PdfDocument(target) as document:
        page = document[0]
        after = page.render(scale=before.width / page.get_width()).to_pil().convert("RGB")
    if after.size != before.size:
        return "unread"
    difference = ImageChops.difference(after, before.convert("RGB"))
    return "same" if difference.getbbox() is None else "unread"


def _in_words(rows: list[Picture], lines: list[str], missing: list[str]) -> str:
    tools = [tool for tool in TOOLS if tool not in missing]
    lines += [f"{tool} is not installed (`pip install {tool}`)." for tool in missing]
    lines += [
        "Bytes: only pictures that every tool took. Pixels: as Pillow reads the file and the picture in the PDF.",
        "",
        "| pictures | number | tool | bytes, of the files' | seconds | same | differ | unread | refused |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in [*dict.fromkeys(row.kind for row in rows), ""]:
        mine = [row for row in rows if kind in ("", row.kind)]
        files = dict.fromkeys(row.file for row in mine)
        taken = {file for file in files if all(row.bytes_out for row in mine if row.file == file)}
        for tool in tools:
            of_tool = [row for row in mine if row.tool == tool]
            ours = [row for row in of_tool if row.file in taken]
            size = sum(row.bytes_in for row in ours)
            ratio = f"{sum(row.bytes_out for row in ours) / size:.3f}" if size else ""
            said = " | ".join(
                str(sum(row.pixels == word for row in of_tool)) for word in ("same", "differ", "unread", "refused")
            )
            seconds = sum(row.seconds for row in of_tool) / max(1, len(of_tool))
            lines.append(f"| {kind or 'all'} | {len(files)} | {tool} | {ratio} | {seconds:.2f} | {said} |")
    return "\n".join(lines) + "\n"
