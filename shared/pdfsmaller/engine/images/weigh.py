"""Bytes against look: which of an image's codings is worth more.

A coding has a cost in bytes and, where it is lossy, a similarity to the source as it is seen (``look``); both together
make one number, its ``worth``, so that codings of any kind, resolution and quality can be compared, keeping the stored
one among them. One price for all images spends a document's bytes where they show most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import pyvips

from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import REFERENCE_QUALITY, Goal
from pdfsmaller.engine.images.look import View, view_of
from pdfsmaller.engine.images.source import ImageSource
from pdfsmaller.records import record

# --- bytes ------------------------------------------------------------------------------------------------------------

# What downsampling must save, of the bytes stored now, to be worth its loss (``Goal.min_gain`` is for the rest).
MIN_GAIN_RESAMPLED = 0.03
# Who asks for a quality wants a coding of it that saves this much, whatever the judge says.
MUCH_GAIN = 0.25
# Fewer bytes than this are not worth another object.
MIN_GAIN_BYTES = 24
# A JPEG coded quickly that takes so many times what it is to beat never does: all effort leaves at least 0.51 of it,
# and the steps of quality below the first tried 0.8 of that (478 images of the corpus, preset ebook).
FAR_TOO_LARGE = 3.0
# About the least that a JPEG's coefficients take coded anew, as a share of its bytes.
TRANSCODED_AT_BEST = 0.85
# A JPEG of a flat image has to be this much smaller than the palette or the lossless one.
FLAT_JPEG_GAIN = 0.75
# All effort leaves at least so much of a JPEG coded quickly, and of one of more than so many bytes so much: 0.74 to
# 0.86 of 32 drawings in game-manual-gray-scan, gpu-go-slides-png, images-alpha and owasp-top10 (preset ebook); 0.57 of
# one of 765 bytes.
JPEG_AT_BEST = 0.5
JPEG_MANY_BYTES, JPEG_OF_MANY_AT_BEST = 8_000, 0.65
# Layers have to be this much smaller than the page coded whole.
LAYERS_GAIN = 0.95

# --- look -------------------------------------------------------------------------------------------------------------

# Similarity that may be given up for one step of e in bytes, at the quality of the ebook preset; it doubles every so
# many steps of quality below. (benchmarks/constants/results/images.weigh.PRICE.md, 58 documents of 20 kinds of image:
# of the 19 that change, 0.03 takes 1.27 times the bytes for 0.012 more similarity, 0.08 takes 0.84 of them for 0.009
# less.)
PRICE = 0.05
PRICE_OCTAVE = 12
# Below this similarity (at that quality, and so much more for each step above it) a loss counts so many times more.
# (benchmarks/constants/results/images.weigh.POOR.md, 19 documents, one of each kind of image: of 7 that change, 0.93
# takes 0.83 of the bytes and its least page falls to 0.871, 0.97 takes 1.37 times the bytes for 0.012 more similarity.)
POOR, POOR_PER_STEP = 0.95, 0.002
# (benchmarks/constants/results/images.weigh.POOR_WEIGHT.md, the same 19: 1.5 takes 0.62 of the bytes of the two that
# change and 0.016 of their similarity, 4 changes none.)
POOR_WEIGHT = 2.5
# An image that so much similarity is lost of at the resolution asked for needs all the pixels it may have.
FAR_BELOW_POOR = 0.03
# A small picture is a small part of what is seen: down to this share of the page's length the price rises with it.
SMALL_SHARE = 0.5
# At most this share of the flat pixels may ring; more where quality and full chroma keep it from being seen.
RINGING_SHARE = 0.002
RINGING_SHARE_FINE = 0.01

# Where an image is seen, errors in flat areas of so many levels on so small a share of them are not. (Six slides, half
# letters and half picture: 0.0001 where 0.002 to 0.019 of their flat pixels ring; 0.003 where coarse chroma bleeds over
# the picture's edge or from coloured letters that were reduced.)
SEEN_LEVELS, SEEN_SHARE = 16, 0.001
# And it has to look so much better than what is poor.
SEEN_ABOVE_POOR = 0.03

#: A way to code an image, told how many bytes it has to stay below; None where it does not, as far as it knows.
Candidate = Callable[[int], Encoded | None]


def smallest(candidates: Iterable[Candidate], limit: int) -> Encoded | None:
    """The coding of the fewest bytes; None where none takes fewer than ``limit``."""
    best = None
    for candidate in candidates:
        coded = candidate(limit)
        if coded is not None and coded.cost < limit:
            best, limit = coded, coded.cost
    return best


def smaller(*codings: Encoded | None) -> Encoded | None:
    """Of codings that are made already the one of the fewest bytes; the first of those alike."""
    return min((coded for coded in codings if coded is not None), key=lambda e: e.cost, default=None)


def jpeg_at_best(quick: int) -> float:
    """The fewest bytes that all effort may make of a JPEG which takes so many coded quickly."""
    return quick * (JPEG_OF_MANY_AT_BEST if quick > JPEG_MANY_BYTES else JPEG_AT_BEST)


def saves(encoded: Encoded, stored: int, gain: float = MIN_GAIN_RESAMPLED) -> bool:
    """Whether a coding takes so much less than what is stored, as a share of it."""
    return encoded.cost <= stored * (1 - gain)


@record(frozen=True)
class Judge:
    """What codings of one image are compared by.

    Attributes:
        view: the source as it is seen.
        price: similarity that may be given up for one step of e in bytes.
        poor: similarity below which losses count more.
    """

    view: View
    price: float
    poor: float

    def worth(self, similarity: float, cost: int) -> float:
        """The higher, the better; comparable between codings of the same image only."""
        lost = POOR_WEIGHT * max(0.0, self.poor - similarity)
        return similarity - lost - self.price * math.log(max(1, cost))

    def prefers(self, cost: int, similarity: float, exact: int) -> bool:
        """Whether a coding of so many bytes is worth its loss against one of ``exact`` that keeps every pixel."""
        saved = 1 - cost / max(1, exact)
        better = self.worth(similarity, cost) > self.worth(1.0, exact)
        return saved >= MUCH_GAIN or (saved >= MIN_GAIN_RESAMPLED and better)

    def sees_no_ringing(self, image: pyvips.Image) -> bool:
        """Whether a coding of a drawing, half of which may be a picture, looks like it where it is seen."""
        return (
            self.view.similarity(image) >= self.poor + SEEN_ABOVE_POOR
            and self.view.ringing(image, SEEN_LEVELS) <= SEEN_SHARE
        )


def judge_for(source: ImageSource, goal: Goal, load: Callable[[float], pyvips.Image]) -> Judge | None:
    """The judge of an image's codings, or None where it cannot be seen well enough (``look.view_of``).

    Args:
        load: gives the source's pixels, reduced by a factor.
    """
    assert goal.quality is not None
    view = view_of(source, goal, load)
    if view is None:
        return None
    below = REFERENCE_QUALITY - goal.quality
    share = min(1.0, max(SMALL_SHARE, max(source.width_pt, source.height_pt) / source.page_pt))
    return Judge(view, PRICE / share * 2 ** (below / PRICE_OCTAVE), POOR - POOR_PER_STEP * below)
