"""Fuzz the rewriter of content: ``python -m benchmarks.fuzz.content --minutes 10 --seed 1``.

Pages are made by lot from the grammar of content (ISO 32000-1, 7.8 and annex A): paths with segments of no length,
clips, nested states, colours in every space, text in fonts of one and two bytes, forms, images, marked content, numbers
in any spelling. Each is rewritten (``content.rewriter``) and rendered before and after by PDFium, and by poppler where
``pdftoppm`` and ``pdftotext`` are. What must hold:

- where no value may change, every pixel is the same;
- where marks may move, no more than a few pixels differ in more than a little;
- PDFium and poppler find the same text;
- what was written can be written again, and is no longer then.

A finding's documents are kept in ``--keep``. The same seed and case make the same page; ``--case N`` runs one alone.
"""

from __future__ import annotations

import io
import math
import random
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pypdfium2
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image, ImageChops

from benchmarks.fuzz.loop import Wrong, main
from pdfsmaller.engine.content.rewriter import rewriters

SIZE = 200
#: As for ``ebook``, in points.
TOLERANCE = 0.0075
#: A mark that moves so little may turn a pixel that it touches by some levels, and a rectangle's side, which renderers
#: put on whole pixels, by a whole pixel's row at times. Of 500 cases, none had more than half of this.
_LEVELS, _MOST_PIXELS = 24, SIZE * SIZE // 50
_NAMES = b"G G1\nM G2\nS F1\nD F2"
_TEXT_STATE = [b"T*", b".5 Tc", b"0 Tc", b"2 Tw", b"90 Tz", b"14 TL", b"3 Ts", b"1 Tr", b"0 Tr"]
_GLYPHS = [b"A", b"b", b" ", b"(", b")", b"\\", b"\r", b"\n", b"7", b"\xe9", b"x"]


class _Page:
    """One page's content by lot."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def content(self) -> bytes:
        return b"\n".join(self._part(3) for _ in range(self.rng.choice((2, 5, 15))))

    def _part(self, depth: int) -> bytes:
        kind = self.rng.randrange(12)
        if kind < 4:
            return self._path()
        if kind < 6:
            return self._text()
        if kind < 8:
            return b" ".join(self._state() for _ in range(self.rng.randrange(1, 4)))
        if kind < 11 and depth:
            inner = b" ".join(self._part(depth - 1) for _ in range(self.rng.randrange(4)))
            return b"q " + self._matrix() + inner + b" Q"
        return self.rng.choice(
            (
                b"q 30 0 0 30 20 20 cm /Im Do Q",
                b"/Fm Do",
                b"q 20 0 0 20 90 90 cm BI /W 2 /H 2 /BPC 8 /CS /G ID \x00\x80\xc0\xff EI Q",
                b"/P <</MCID 0/ActualText<FEFF>>> BDC 5 5 9 9 re f EMC",
                b"/Sh sh",
            )
        )

    def _number(self, least: float = -20, most: float = SIZE + 20) -> bytes:
        rng = self.rng
        value = rng.choice((rng.uniform(least, most), float(rng.randint(int(least), int(most)))))
        text = f"{value:.{rng.randrange(7)}f}"
        return rng.choice(
            (text, text, text, "+" + text if value >= 0 else text, text + "0" if "." in text else text)
        ).encode()

    def _numbers(self, count: int) -> list[bytes]:
        return [self._number() for _ in range(count)]

    def _unit(self) -> bytes:
        return f"{self.rng.random():.{self.rng.randrange(1, 6)}f}".encode()

    def _matrix(self) -> bytes:
        rng = self.rng
        if rng.random() < 0.4:
            return b""
        scale = rng.choice(("1", "0.5", ".1", "-1", "1.25", "0.24"))
        turned = rng.random() < 0.2
        a, b = ("0", scale) if turned else (scale, "0")
        c, d = (f"-{scale}".replace("--", ""), "0") if turned else ("0", scale)
        place = (f"{rng.randrange(SIZE)}", f"{rng.uniform(0, SIZE):.5f}")
        return " ".join((a, b, c, d, *place, "cm ")).encode()

    def _state(self) -> bytes:
        rng, unit = self.rng, self._unit
        numbers = [unit() for _ in range(4)]
        width = f"{rng.choice((0, 0.2, 1, 7)) * rng.random():.4f}".encode()
        return rng.choice(
            (
                numbers[0] + b" g",
                b" ".join(numbers[:3]) + b" rg",
                b" ".join(numbers[:3]) + b" RG",
                b" ".join(numbers) + b" k",
                b"/Cs cs " + b" ".join(numbers[:3]) + b" scn",
                b"/Cs CS " + b" ".join(numbers[:3]) + b" SCN",
                b"/Pattern cs /Pt scn",
                width + b" w",
                rng.choice((b"0 J", b"1 J", b"2 j", b"1 j", b"2 M", b"0.5 i", b"/Perceptual ri")),
                rng.choice((b"[] 0 d", b"[3 1.50] 0 d", b"[2] 1 d")),
                rng.choice((b"/G1 gs", b"/G2 gs", b"/G3 gs")),
            )
        )

    def _path(self) -> bytes:
        rng = self.rng
        parts: list[bytes] = []
        last = b"0 0"
        for _ in range(rng.choice((1, 2, 5, 12))):
            kind = rng.randrange(9) if parts else 0
            if kind == 0:
                last = b" ".join(self._numbers(2))
                parts.append(last + b" m")
            elif kind < 4:
                last = last if rng.random() < 0.2 else b" ".join(self._numbers(2))
                parts.append(last + b" l")
            elif kind < 7:
                operator = rng.choice((b"c", b"c", b"v", b"y"))
                numbers = self._numbers(6 if operator == b"c" else 4)
                last = b" ".join(numbers[-2:])
                parts.append(b" ".join((*numbers, operator)))
            elif kind == 7:
                parts.append(b"h")
            else:
                sides = [self._number(-90, 90) for _ in range(2)]
                parts.append(b" ".join((*self._numbers(2), *sides, b"re")))
        if rng.random() < 0.2:  # as maps and charts have them
            x, y, turned = SIZE / 2, SIZE / 2, 0.0
            for _ in range(rng.choice((10, 100, 600))):
                turned += rng.choice((0.0, 0.02, rng.uniform(-0.3, 0.3)))
                side = rng.choice((0.01, 0.3, 2))
                x, y = x + side * math.cos(turned), y + side * math.sin(turned)
                parts.append(b"%.5f %.5f l" % (x, y))
        end = rng.choice((b"f", b"F", b"f*", b"S", b"s", b"B", b"B*", b"b", b"b*", b"n", b"W n", b"W* n"))
        if end[:1] == b"W" and rng.random() < 0.7:  # mostly, something is left to be seen
            parts, end = [b"10 10 150 150 re"], b"W n"
        return b" ".join((*parts, end))

    def _text(self) -> bytes:
        rng = self.rng
        two = rng.random() < 0.3
        parts = [b"BT", b"/F2" if two else b"/F1", rng.choice((b"9", b"12.50", b"24")), b"Tf"]
        for _ in range(rng.randrange(1, 5)):
            kind = rng.randrange(8)
            if kind < 2:
                parts += [*self._numbers(2), rng.choice((b"Td", b"TD"))]
            elif kind == 2:
                parts += [b"1 0", b"0 1", *self._numbers(2), b"Tm"]
            elif kind == 3:
                parts.append(
                    rng.choice((b"T*", b".5 Tc", b"0 Tc", b"2 Tw", b"90 Tz", b"14 TL", b"3 Ts", b"1 Tr", b"0 Tr"))
                )
            elif kind == 4:
                parts.append(self._state())
            elif kind == 5:
                inner = b" ".join(rng.choice((self._string(two), self._number(-300, 300), b"0")) for _ in range(4))
                parts.append(b"[" + inner + b"] TJ")
            else:
                parts += [self._string(two), rng.choice((b"Tj", b"Tj", b"'"))]
        return b" ".join((*parts, b"ET"))

    def _string(self, two: bool) -> bytes:
        rng = self.rng
        # None is empty: in text that is filled with a pattern, poppler shows an empty string as the glyphs before it.
        codes = [rng.choice(_GLYPHS) for _ in range(rng.randrange(1, 6))]
        data = b"".join(b"\0" + code for code in codes) if two else b"".join(codes)
        if rng.random() < 0.4:
            return b"<" + data.hex().encode() + b">"
        plain = data.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        return b"(" + plain.replace(b"\r", b"\\r") + b")"


def document(content: bytes) -> bytes:
    """A page of content, with what it may name."""
    pdf = Pdf.new()
    pdf.add_blank_page(page_size=(SIZE, SIZE))
    helvetica = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding)
    descendant = Dictionary(
        Type=Name.Font, Subtype=Name.CIDFontType2, BaseFont=Name.Courier, DW=600,
        CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
        FontDescriptor=Dictionary(
            Type=Name.FontDescriptor, FontName=Name.Courier, Flags=33, ItalicAngle=0, Ascent=600, Descent=-200,
            CapHeight=600, StemV=80, FontBBox=Array([0, -200, 600, 800]),
        ),
    )  # fmt: skip
    wide = Dictionary(
        Type=Name.Font, Subtype=Name.Type0, BaseFont=Name.Courier, Encoding=Name("/Identity-H"),
        DescendantFonts=Array([pdf.make_indirect(descendant)]),
    )  # fmt: skip
    function = Dictionary(FunctionType=2, Domain=Array([0, 1]), N=1, C0=Array([1, 0, 0]), C1=Array([0, 0, 1]))
    image = Dictionary(Subtype=Name.Image, Width=2, Height=1, BitsPerComponent=8, ColorSpace=Name.DeviceGray)
    form = Dictionary(Subtype=Name.Form, BBox=Array([0, 0, 40, 40]))
    tile = Dictionary(
        PatternType=1, PaintType=1, TilingType=1, BBox=Array([0, 0, 9, 9]), XStep=9, YStep=9, Resources=Dictionary()
    )
    pdf.pages[0].obj.Resources = Dictionary(
        Font=Dictionary(F1=helvetica, F2=pdf.make_indirect(wide)),
        ExtGState=Dictionary(
            G1=Dictionary(ca=0.5), G2=Dictionary(CA=1, ca=1, SMask=Name("/None")), G3=Dictionary(LW=3)
        ),
        ColorSpace=Dictionary(Cs=Array([Name.CalRGB, Dictionary(WhitePoint=Array([0.95, 1, 1.09]))])),
        Shading=Dictionary(
            Sh=Dictionary(ShadingType=2, ColorSpace=Name.DeviceRGB, Coords=Array([0, 0, SIZE, SIZE]), Function=function)
        ),
        XObject=Dictionary(
            Im=pdf.make_stream(b"\x40\xc0", image), Fm=pdf.make_stream(b"0 0 30 20 re f 3 3 m 40 40 l S", form)
        ),
        Pattern=Dictionary(Pt=pdf.make_stream(b"0 1 0 rg 1 1 5 5 re f", tile)),
    )
    pdf.pages[0].Contents = pdf.make_stream(content)
    file = io.BytesIO()
    pdf.save(file, static_id=True)
    return file.getvalue()


def run_case(seed: int, case: int) -> str:
    """Rewrite one page: what became of it.

    Raises:
        Wrong: it does not look or read as before.
    """
    rng = random.Random(f"{seed}:{case}")
    content = _Page(rng).content()
    exact = rng.random() < 0.5
    tolerance = 0.0 if exact else TOLERANCE
    new = rewriters.get().rewrite(content, _NAMES, scale=1.0, tolerance=tolerance)
    if new.data is None:
        return f"left alone: {new.reason}"
    sources = {"before.pdf": document(content), "after.pdf": document(new.data)}
    before, after = sources.values()
    again = rewriters.get().rewrite(new.data, _NAMES, scale=1.0, tolerance=0.0)
    if again.data is None or len(again.data) > len(new.data):
        raise Wrong(f"not to be written again: {again.reason}", sources)
    (old_text, *old_pictures), (new_text, *new_pictures) = _by_pdfium(before), _by_pdfium(after)
    if _programs():
        (old_other, *old_more), (new_other, *new_more) = _by_poppler(before), _by_poppler(after)
        old_text, new_text = old_text + old_other, new_text + new_other
        old_pictures, new_pictures = old_pictures + old_more, new_pictures + new_more
    if old_text != new_text:
        raise Wrong("another text", sources)
    for renderer, one, other in zip(("PDFium", "poppler"), old_pictures, new_pictures, strict=False):
        changed = ImageChops.difference(one, other).convert("L").histogram()
        if sum(changed[1:] if exact else changed[_LEVELS:]) > (0 if exact else _MOST_PIXELS):
            raise Wrong(f"{renderer} shows another picture{' where none may change' if exact else ''}", sources)
    return "exact" if exact else "rounded"


def _by_pdfium(data: bytes) -> tuple[str, Image.Image]:
    with pypdfium2.PdfDocument(data) as pdf:
        page = pdf[0]
        return page.get_textpage().get_text_range(), page.render().to_pil().convert("RGB")


@cache
def _programs() -> bool:
    return all(shutil.which(name) for name in ("pdftoppm", "pdftotext"))


def _by_poppler(data: bytes) -> tuple[str, Image.Image]:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "x.pdf"
        source.write_bytes(data)
        said = subprocess.run(["pdftotext", source, "-"], capture_output=True, check=True)
        subprocess.run(
            ["pdftoppm", "-r", "72", "-singlefile", source, source.with_suffix("")], capture_output=True, check=True
        )
        return said.stdout.decode("utf-8", "replace"), Image.open(source.with_suffix(".ppm")).convert("RGB")


if __name__ == "__main__":
    sys.exit(main("benchmarks.fuzz.content", __doc__, run_case))
