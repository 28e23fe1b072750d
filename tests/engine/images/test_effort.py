"""What images are expected to take, and which pages wait for them."""

from __future__ import annotations

import io

import pikepdf
import pytest

from pdfsmaller.engine.images.effort import Tally, expected_seconds
from pdfsmaller.engine.images.find import find_images
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.walk.graph import walk
from pdfsmaller.limits import Limits
from tests import documents

GOAL = Goal(150, 72)


def seconds(data: bytes) -> float:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        [image] = find_images(walk(pdf, Limits())).images.values()
        return expected_seconds(pdf, image, GOAL)


def test_more_pixels_take_longer() -> None:
    assert seconds(documents.photo_jpeg(2_400, 1_800)) > 2 * seconds(documents.photo_jpeg(600, 450))


def test_two_tones_take_less_than_a_photo_of_as_many_pixels() -> None:
    assert seconds(documents.ccitt_g4()) < seconds(documents.photo_flate(1_600, 1_200))


@pytest.mark.parametrize("entry", ["/Filter", "/BitsPerComponent"])
@pytest.mark.parametrize("value", [pikepdf.Dictionary(), pikepdf.Array([1, pikepdf.Array()]), pikepdf.String("x")])
def test_entries_that_make_no_sense_are_no_error(entry: str, value: object) -> None:
    with pikepdf.open(io.BytesIO(documents.photo_jpeg(60, 40))) as pdf:
        [image] = find_images(walk(pdf, Limits())).images.values()
        stream = pdf.get_object(image.objgen)
        stream[entry] = value
        assert 0 <= expected_seconds(pdf, image, GOAL) < 1


def test_pages_are_done_with_the_last_of_their_images() -> None:
    with pikepdf.open(io.BytesIO(documents.photo_jpeg(60, 40))) as pdf:
        pdf.pages.append(pdf.pages[0])
        other = pikepdf.open(io.BytesIO(documents.photo_jpeg(80, 50)))
        pdf.pages.append(other.pages[0])
        first, second = find_images(walk(pdf, Limits())).images.values()
        tally = Tally(pdf, [first, second], GOAL)
        assert (tally.pages_waiting, tally.share) == (3, 0)
        assert 0 < tally.expected_seconds <= sum(expected_seconds(pdf, image, GOAL) for image in (first, second))
        tally.finish(first.objgen)
        tally.finish(first.objgen)
        assert tally.pages_waiting == 3 - len(first.pages)
        assert 0 < tally.share < 1
        tally.finish(second.objgen)
        assert (tally.pages_waiting, tally.share) == (0, pytest.approx(1))


def test_without_images_all_is_done() -> None:
    with pikepdf.new() as pdf:
        tally = Tally(pdf, [], GOAL)
        assert (tally.pages_waiting, tally.share, tally.expected_seconds) == (0, 1, 0)
