"""One way to make a result of a document, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.records import record

#: What a build does besides the images; each can be left out alone, in the order in which they are taken back.
Step = Literal["fonts", "content", "structure"]
STEPS: tuple[Step, ...] = ("fonts", "content", "structure")


@record(frozen=True)
class Attempt:
    """What a result is made with.

    Attributes:
        images: the new codings; other images stay as they are.
        left_out: steps that are not done.
        kept_fonts: programs that stay as they are.
        unproven: pages that could not be compared, and lose nothing for that.
        rolled_back: how many images have been coded and are not any more.
    """

    images: Mapping[ObjGen, Encoded] = field(default_factory=dict)
    left_out: tuple[Step, ...] = ()
    kept_fonts: frozenset[ObjGen] = frozenset()
    unproven: frozenset[int] = frozenset()
    rolled_back: int = 0


@record(frozen=True)
class Built:
    """A result as it was written.

    Attributes:
        size: in bytes.
        color_left: not all colour could be taken out of it.
    """

    size: int
    color_left: bool = False
