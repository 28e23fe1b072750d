from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from pdfsmaller.services import zips

GIGABYTE = 1_000_000_000


def test_all_is_stored_as_it_is_with_one_time(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one" * 1_000)
    (tmp_path / "b").write_bytes(b"")
    with (tmp_path / "z.zip").open("w+b") as file:
        size = zips.write(file, [("ü \U0001f4c4.pdf", tmp_path / "a"), ("b.pdf", tmp_path / "b")], 1_700_000_000.0)
        assert file.tell() == 0
        assert size == (tmp_path / "z.zip").stat().st_size
        with zipfile.ZipFile(file) as archive:
            [one, two] = archive.infolist()
            assert archive.testzip() is None
    assert (one.filename, one.file_size, one.compress_type) == ("ü \U0001f4c4.pdf", 3_000, zipfile.ZIP_STORED)
    assert one.date_time == two.date_time == (2023, 11, 14, 22, 13, 20)


@pytest.mark.slow
def test_more_than_four_gigabytes_can_be_read_back(tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < 7 * GIGABYTE:
        pytest.skip("there is too little room on the disk for a ZIP of 5 GB")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(4_400_000_000)  # without a byte on the disk
    (tmp_path / "small").write_bytes(b"x" * 1_000)
    with (tmp_path / "z.zip").open("w+b") as file:
        zips.write(file, [("large.pdf", tmp_path / "large"), ("small.pdf", tmp_path / "small")], 1_700_000_000.0)
        with zipfile.ZipFile(file) as archive:
            assert archive.getinfo("large.pdf").file_size == 4_400_000_000
            assert archive.read("small.pdf") == b"x" * 1_000
