"""Bytes against look: what is worth its loss, and which coding takes fewest bytes."""

from __future__ import annotations

import pytest

from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.look import View
from pdfsmaller.engine.images.weigh import Judge, smaller, smallest
from pdfsmaller.engine.similarity import Picture

JUDGE = Judge(View(Picture(bytes(64), 8, 8, 1)), price=0.05, poor=0.95)


def coded(size: int, name: str = "/FlateDecode") -> Encoded:
    return Encoded(bytes(size), name, 8, 8, 8)


@pytest.mark.parametrize(
    ("cost", "similarity", "preferred"),
    [
        (990, 1.0, False),  # saves too little, however it looks
        (900, 0.999, True),
        (900, 0.97, False),  # a tenth of the bytes is not worth so much
        (740, 0.5, True),  # who asks for a quality wants what saves a quarter
    ],
)
def test_a_loss_has_to_be_worth_its_bytes(cost: int, similarity: float, preferred: bool) -> None:
    assert JUDGE.prefers(cost, similarity, 1000) is preferred


def test_poor_looks_count_more_than_others() -> None:
    step = JUDGE.worth(0.99, 1000) - JUDGE.worth(0.97, 1000)
    assert JUDGE.worth(0.94, 1000) - JUDGE.worth(0.92, 1000) > 2 * step


def test_each_candidate_is_told_what_it_has_to_beat() -> None:
    told = []

    def candidate(size: int | None) -> object:
        def code(limit: int) -> Encoded | None:
            told.append(limit)
            return None if size is None else coded(size)

        return code

    best = smallest([candidate(300), candidate(None), candidate(100), candidate(100), candidate(200)], 250)  # type: ignore[list-item]
    assert best == coded(100)
    assert told == [250, 250, 250, 100, 100]
    assert smallest([candidate(300)], 250) is None  # type: ignore[list-item]


def test_of_codings_alike_the_first_is_taken() -> None:
    assert smaller(None, coded(9), coded(5, "/first"), coded(5)) == coded(5, "/first")
    assert smaller(None) is None
