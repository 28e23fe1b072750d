"""A page of our own, compressed before anybody's document is: for a process that forks those with documents in them.

What the first document asks for once (functions of the C libraries, the types of a report's fields, programs in Lua,
names that Python has looked up) is then at hand in every process that is forked. The page is made here, of constants,
so that nothing of what anybody sent is ever in the process that forks, and it has no pictures: for these libvips starts
threads, and a process with several cannot be forked. No other starts either: what glibc keeps for a thread that has
ended, 70 MB of addresses, would count for every process that is forked.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

import pikepdf
from pikepdf import Dictionary, Name, Pdf

from pdfsmaller.engine import compress
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.errors import PdfSmallerError
from pdfsmaller.limits import Limits

_SIZE = (595, 842)  # of A4, in points
_LINES = 40
# Words, so that their code deflates, and a line, so that there is something beside text.
_TEXT = "The quick brown fox jumps over the lazy dog, and runs on"


def rehearse() -> None:
    """Compress the page. Where that fails, the first document asks for what it needs, as in a fresh process."""
    with suppress(OSError, PdfSmallerError, pikepdf.PdfError), tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        source = folder / "page.pdf"
        _write(source)
        # To compare every page starts no thread.
        options = CompressOptions(verify="full")
        done = compress.run([InputFile(source, source.name)], folder, options, limits=Limits(), progress=_untold)
        done.report.to_json()


def _write(path: Path) -> None:
    with Pdf.new() as pdf:
        page = pdf.add_blank_page(page_size=_SIZE)
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        page.obj.Resources = Dictionary(Font=Dictionary(F1=pdf.make_indirect(font)))
        lines = " ".join(f"({_TEXT} {number}.) Tj T*" for number in range(_LINES))
        content = f"q 1 0 0 1 0 0 cm BT /F1 12 Tf 14 TL 72 770 Td {lines} ET Q 0.5 w 72 72 m 500 72 l S"
        page.obj.Contents = pdf.make_stream(content.encode())
        pdf.save(path, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)


def _untold(_stage: str, _percent: float, _pages: tuple[int, int] | None = None, /) -> None:
    """Nobody waits for it."""
