"""Which documents stand for all: some of each size, more of the sizes that most of the bytes are in."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pdfsmaller.jobs.collections import Original

#: Of each size so many at least, as far as there are: one alone tells nothing of how far they differ.
_LEAST = 2
#: The same documents give the same sample, so that one expectation can be compared with the next.
_SEED = 20_240_601


@dataclass(slots=True)
class Stratum:
    """The documents of about one size (from one to four times as many bytes).

    Attributes:
        documents, bytes: of all of them.
        chosen: those that stand for them, in a random order.
    """

    documents: int = 0
    bytes: int = 0
    chosen: list[Original] = field(default_factory=list)


def choose(originals: Iterable[Original], at_most: int) -> list[Stratum]:
    """All documents by their size, and of each size those that stand for the rest: about ``at_most`` in all.

    However many there are, few are held in memory.
    """
    chance = random.Random(_SEED)
    strata: dict[int, Stratum] = {}
    for original in originals:
        stratum = strata.setdefault(original.bytes.bit_length() // 2, Stratum())
        stratum.documents += 1
        stratum.bytes += original.bytes
        if len(stratum.chosen) < at_most:
            stratum.chosen.append(original)
        elif (index := chance.randrange(stratum.documents)) < at_most:
            stratum.chosen[index] = original
    total = sum(stratum.bytes for stratum in strata.values())
    for stratum in strata.values():
        chance.shuffle(stratum.chosen)
        share = round(at_most * stratum.bytes / total) if total else 0
        del stratum.chosen[max(_LEAST, share) :]
    return [strata[size] for size in sorted(strata)]
