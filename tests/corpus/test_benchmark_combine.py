"""The benchmark of merging and images runs and counts as it says."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String
from PIL import Image

from benchmarks.combine import count
from benchmarks.combine.inputs import noisy_copies, noisy_pages
from benchmarks.combine.pictures import same_pixels
from tests import documents


def rows(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(table.read_text().splitlines(), delimiter="\t"))


@pytest.mark.slow
def test_one_command_measures_merges_and_many_inputs(tmp_path: Path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    documents.write(corpus / "a.pdf", documents.form())
    documents.write(corpus / "b.pdf", documents.text())
    documents.write(corpus / "locked-pw_x.pdf", documents.encrypted_user())
    arguments = ["--corpus", str(corpus), "--out", str(out), "--parts", "merges,memory", "--inputs", "2"]
    command = [sys.executable, "-m", "benchmarks.combine", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    merges = [row for row in rows(out / "merges.tsv") if row["tool"] == "pdfsmaller" and row["set"] == "all"]
    assert [row["files"] for row in merges] == ["2"]
    kept = dict(part.split() for part in merges[0]["kept"].split("; "))
    assert all(number.split("/")[0] == number.split("/")[1] for number in kept.values())
    assert kept["fields"] != "0/0"
    load = [row for row in rows(out / "memory.tsv") if row["tool"] == "pdfsmaller"]
    assert len(load) == 2
    assert all(int(row["bytes_out"]) > 0 and int(row["peak_mb"]) > 0 for row in load)


def test_links_and_names_count_where_they_lead_to_a_page() -> None:
    pdf = Pdf.new()
    for _ in range(2):
        pdf.add_blank_page()
    here, nowhere = Array([pdf.pages[1].obj, Name.Fit]), Array([Dictionary(), Name.Fit])
    pdf.Root.Names = Dictionary(Dests=Dictionary(Names=Array([String("a"), here, String("b"), nowhere])))
    links = [{"Dest": String("a")}, {"Dest": String("lost")}, {"A": Dictionary(S=Name.GoTo, D=here)}]
    pdf.pages[0].Annots = Array(
        [pdf.make_indirect(Dictionary(Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), **link)) for link in links]
    )
    counted = count.of(pdf)
    assert (counted["pages"], counted["links"], counted["names"]) == (2, 2, 1)


def test_pixels_are_compared(tmp_path: Path) -> None:
    image = Image.linear_gradient("L").convert("RGB")
    image.save(tmp_path / "a.png")
    pdf = Pdf.new()
    pdf.add_blank_page()
    pdf.pages[0].Resources = Dictionary(
        XObject=Dictionary(
            Im=pdf.make_stream(
                image.tobytes(),
                Type=Name.XObject,
                Subtype=Name.Image,
                Width=256,
                Height=256,
                BitsPerComponent=8,
                ColorSpace=Name.DeviceRGB,
            )
        )
    )
    pdf.save(tmp_path / "exact.pdf")
    image.putpixel((3, 3), (255, 0, 0))
    image.save(tmp_path / "other.png")
    assert same_pixels(tmp_path / "a.png", tmp_path / "exact.pdf") == "same"
    assert same_pixels(tmp_path / "other.png", tmp_path / "exact.pdf") == "differ"


def test_the_many_inputs_share_nothing(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "photo.pdf", documents.photo_jpeg(200, 150))
    (tmp_path / "in").mkdir()
    files = noisy_pages(tmp_path / "in", 2, size=30_000) + noisy_copies(source, tmp_path / "in", 2)
    streams: list[bytes] = []
    for file in files:
        with pikepdf.open(file) as pdf:
            streams += [obj.read_raw_bytes() for obj in pdf.objects if isinstance(obj, pikepdf.Stream)]
    large = [data for data in streams if len(data) > 1000]
    assert len(large) == len(set(large)) == 4
