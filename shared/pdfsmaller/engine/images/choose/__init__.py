"""The choosers: of all codings of one image that are right for it, the one with the fewest bytes.

Rules, in their order:

- never more bytes than now, and a lossy change has to be worth its loss (``images.weigh``);
- what is bilevel stays bilevel (JBIG2, G4 or Flate); what is flat (screenshots, charts) gets a palette or stays exact,
  unless a JPEG of it shows no ringing; only the rest becomes a plain JPEG;
- components keep their meaning: colour space and ``/Decode`` stay unless the samples were made to mean the same in a
  simpler one.

A module for each kind of image; each has the list of codecs that it tries. Pure: an ``ImageSource`` in, an ``Encoded``
out or ``Skip`` raised. Any thread may run them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pdfsmaller.engine.images.choose.bilevel import of_bilevel
from pdfsmaller.engine.images.choose.indexed import of_indexed
from pdfsmaller.engine.images.choose.jpeg import of_jpeg
from pdfsmaller.engine.images.choose.jpx import of_jpx
from pdfsmaller.engine.images.choose.layers import as_good_as, of_page
from pdfsmaller.engine.images.choose.samples import of_samples
from pdfsmaller.engine.images.codecs import flate
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.images.recolor import may_recolor, recolors
from pdfsmaller.engine.images.source import ImageSource, Skip
from pdfsmaller.engine.images.weigh import LAYERS_GAIN, MIN_GAIN_BYTES


def optimize(source: ImageSource, goal: Goal, layers_worth: Callable[[], bool] = lambda: True) -> Encoded:
    """The best coding of one image.

    Args:
        layers_worth: asked before a scanned page coded whole is taken apart to see whether layers look as good.

    Raises:
        Skip: the stored one is best, or nothing else is known to be right.
    """
    best = _best(source, goal, layers_worth)
    # A default /Decode says nothing, but for another number of components or of bits the same array is none.
    return replace(best, drop_decode=True) if source.plain_decode else best


def _best(source: ImageSource, goal: Goal, layers_worth: Callable[[], bool]) -> Encoded:
    reason = "already_small"
    if goal.color_mode != "no-change" and source.color.family != "gray" and not may_recolor(source):
        raise Skip("color_kept")
    if not source.lossy_ok:
        goal, reason = replace(goal, dpi=None, quality=None, color_mode="no-change"), source.keep_reason
    best = _by_kind(source, goal)
    if goal.layers == "always" and source.role == "image":
        whole = min(source.stored, best.cost if best is not None else source.stored)
        layered = of_page(source, goal)
        if layered is not None and layered.cost <= LAYERS_GAIN * whole:
            best = layered
    elif goal.layers == "alike" and goal.judged and source.role == "image" and best is not None and layers_worth():
        best = as_good_as(best, source, goal) or best
    if best is not None:
        best = flate.repacked(best, goal.effort)
    if best is not None and best.color == "gray" and recolors(source, goal):
        return best  # asked for, whatever it costs
    if best is not None and source.fixed_color and (best.width, best.height) != (source.width, source.height):
        return best  # whether it pays, its image or mask decides too
    if best is None or best.cost > source.stored - MIN_GAIN_BYTES:
        raise Skip(reason)
    return best


def _by_kind(source: ImageSource, goal: Goal) -> Encoded | None:
    if source.coding == "jpeg":
        return of_jpeg(source, goal)
    if source.coding == "jpx":
        return of_jpx(source, goal)
    if source.bits == 1 and source.color.samples == 1:
        return of_bilevel(source, goal)
    return of_indexed(source, goal) if source.color.palette is not None else of_samples(source, goal)
