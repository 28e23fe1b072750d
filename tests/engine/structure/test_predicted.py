"""Tables of colour profiles are deflated as rows, and every reader has them back."""

from __future__ import annotations

import random
from pathlib import Path

import pikepdf
from pikepdf import Pdf

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.structure.predicted import predicted, rows_of
from pdfsmaller.engine.structure.tidy import StructureCache, deflate_streams
from pdfsmaller.limits import Limits
from tests.engine.color.test_tables import profile, table


def noisy() -> bytes:
    """A profile whose table changes slowly and has some noise: no byte sequence comes twice."""
    tag = bytearray(table(grid=9))
    chance = random.Random(1)
    for place in range(200, len(tag) - 20, 2):
        tag[place + 1] = chance.randrange(256)
    return profile(bytes(tag))


def test_a_profile_is_smaller_in_rows_and_comes_back_whole(tmp_path: Path) -> None:
    data = noisy()
    rows = rows_of(data)
    assert rows is not None
    assert (rows.step, rows.columns) == (6, 9)
    pdf = pikepdf.new()
    pdf.Root.Profile = pdf.make_stream(data, N=4)
    plain = pikepdf.new()
    plain.Root.Profile = plain.make_stream(data)  # nothing says that it is a profile
    for one in (pdf, plain):
        deflate_streams(one, StructureCache(), Limits(), Deadline(60), effort="default")
    stored = pdf.Root.Profile
    assert stored.DecodeParms == {"/Predictor": 15, "/Colors": 6, "/Columns": 9}
    assert len(stored.read_raw_bytes()) < 0.9 * len(plain.Root.Profile.read_raw_bytes())
    pdf.save(tmp_path / "rows.pdf")
    with Pdf.open(tmp_path / "rows.pdf") as again:
        found = again.Root.Profile.read_bytes()
    assert found[: len(data)] == data
    assert set(found[len(data) :]) <= {0}
    assert len(found) - len(data) < 6 * 9


def test_what_is_no_profile_has_no_rows() -> None:
    assert rows_of(b"%!PS" * 500) is None
    assert rows_of(noisy()[:500]) is None


def test_what_is_smaller_as_it_is_stays_so() -> None:
    data = profile(table(grid=9))
    rows = rows_of(data)
    assert rows is not None
    blank = bytes(len(data))
    assert predicted(blank, rows) is None
