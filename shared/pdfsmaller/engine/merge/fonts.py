"""Fonts of several sources: subsets of one font become one program, which copying then stores once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from pikepdf import Pdf

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.fonts.across import adopt, unions_across
from pdfsmaller.engine.memory import give_back
from pdfsmaller.engine.merge.source import Ready, open_source
from pdfsmaller.engine.save import Policy, save
from pdfsmaller.errors import UnreadablePdf
from pdfsmaller.limits import Limits


def with_shared_fonts(ready: list[Ready], folder: Path, limits: Limits, deadline: Deadline) -> list[Ready]:
    """The sources as they are to be copied; those that share a font with others are files of their own.

    Raises:
        LimitExceeded: a stream is over ``max_stream_bytes``.
    """
    # What comes again is the same file.
    paths = list({source.path: source for source in ready}.values())
    opening = [partial(_open, source, folder, limits) for source in paths]
    unions = unions_across(opening, limits, deadline) if len(paths) > 1 else {}
    written: dict[Path, Path] = {}
    for number, source in enumerate(paths):
        if any(document == number for document, _ in unions):
            target = folder / f"{source.index}-fonts.pdf"
            with suppress(UnreadablePdf), tolerate("font"), opening[number]() as pdf:
                if adopt(pdf, number, unions):
                    save(pdf, target, Policy(encryption=False, effort="fast"))
                    written[source.path] = target
            give_back()
    return [
        replace(source, path=written[source.path], password=None) if source.path in written else source
        for source in ready
    ]


@contextmanager
def _open(source: Ready, folder: Path, limits: Limits) -> Iterator[Pdf]:
    with open_source(source.path, folder, [source.password] if source.password else [], limits)[0].pdf as pdf:
        yield pdf
