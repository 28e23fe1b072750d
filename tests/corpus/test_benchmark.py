"""The engine's benchmark runs and counts as it says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
import pyvips

from benchmarks.engine import chart, kept, looks, report, rows, summary
from benchmarks.engine.rows import Row
from benchmarks.engine.tools import EBOOK, GS_EBOOK, MUTOOL, PYMUPDF, TOOLS, Tool
from benchmarks.measure import OURS, need_ours, write_table
from tests import documents

ROW = Row("a.pdf", "tool", 100, 50, 1.0, 1.0, 1, True, True, "", 0.9, 0.8, False, 1, False, "2026-01-01 10:00")

needs_poppler = pytest.mark.skipif(not shutil.which("pdftoppm"), reason="poppler is not installed")


@needs_poppler
def test_one_command_measures_a_folder_and_takes_rivals_from_the_last_run(tmp_path: Path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    out.mkdir()
    photo = documents.write(corpus / "photo.pdf", documents.photo_jpeg(600, 450))
    documents.write(corpus / "text.pdf", documents.text())
    documents.write(corpus / "locked-pw_x.pdf", documents.encrypted_user())
    known = replace(ROW, file="photo.pdf", tool=GS_EBOOK.name, bytes_in=photo.stat().st_size, bytes_out=9)
    gone = replace(known, bytes_in=1)  # of another file of that name
    write_table(out / "engine.tsv", [known, replace(known, tool=EBOOK.name), gone])
    page = documents.write(tmp_path / "page.md", b"a\n<!-- benchmarks/engine -->\nold\n<!-- end -->\nb\n")
    arguments = ["--corpus", str(corpus), "--out", str(out), "--tools", EBOOK.name, "--reuse", "--readme", str(page)]
    subprocess.run([sys.executable, "-m", "benchmarks.engine", *arguments], check=True, capture_output=True, timeout=60)
    found = rows.read(out / "engine.tsv")
    assert [(row.file, row.tool) for row in found] == [
        ("photo.pdf", GS_EBOOK.name),
        ("photo.pdf", EBOOK.name),
        ("text.pdf", EBOOK.name),
    ]
    assert all(row.honest and row.ssim >= 0.9 for row in found)
    assert found[1].bytes_out < found[1].bytes_in
    assert f"| **{EBOOK.name}** | 0." in page.read_text()
    assert page.read_text().startswith("a\n<!-- benchmarks/engine -->\n2 files")
    assert [line["tool"] for line in json.loads((out / "engine.json").read_text())["tools"]] == [
        EBOOK.name,
        GS_EBOOK.name,
    ]
    assert (out / "engine.svg").stat().st_size


def test_a_grown_or_failed_result_counts_as_the_original() -> None:
    results = [ROW, replace(ROW, bytes_out=150), replace(ROW, bytes_out=0), replace(ROW, pages_kept=False)]
    assert [row.size for row in results] == [50, 100, 100, 100]
    assert [row.grew for row in results] == [False, True, False, False]


def test_a_result_is_honest_only_with_everything_kept() -> None:
    worse = [replace(ROW, text_kept=False), replace(ROW, lost="links"), replace(ROW, ssim=0.7)]
    assert [row.honest_size for row in [ROW, *worse]] == [50, 100, 100, 100]


def test_ratios_are_over_the_best_honest_rival_of_each_file() -> None:
    ours = replace(ROW, tool=EBOOK.name, bytes_out=20)
    liar = replace(ROW, tool=GS_EBOOK.name, bytes_out=10, text_kept=False)
    honest = replace(ROW, tool=MUTOOL.name, bytes_out=40)
    best, whatever = summary.ratios([ours, liar, honest])
    assert (best.value, best.smaller_or_equal, best.files) == (0.5, 1, 1)
    assert (whatever.rival, whatever.value, whatever.smaller_or_equal) == ("gs /ebook, whatever it broke", 2.0, 0)


def test_times_are_compared_within_one_run_only() -> None:
    ours = replace(ROW, tool=EBOOK.name, seconds=1.0, cpu_seconds=2.0)
    gs = replace(ROW, tool=GS_EBOOK.name, seconds=2.0, cpu_seconds=0.25)
    (time,) = summary.times([ours, gs, replace(gs, tool=PYMUPDF.name, run="2026-01-02 10:00")])
    assert (time.other, time.files, time.cpu, time.clock, time.cpu_total) == (GS_EBOOK.name, 1, 8.0, 0.5, 8.0)
    assert (time.slow, time.worst, time.worst_file) == (1, 1.6, "a.pdf")


def test_a_claim_of_pdfa_is_lost_with_it_or_over_object_streams(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.pdfa_1b())
    before = kept.count(source)
    with pikepdf.open(source) as pdf:
        pdf.save(tmp_path / "plain.pdf", object_stream_mode=pikepdf.ObjectStreamMode.disable)
        pdf.save(tmp_path / "packed.pdf", object_stream_mode=pikepdf.ObjectStreamMode.generate)
        del pdf.Root.Metadata
        pdf.save(tmp_path / "gone.pdf", object_stream_mode=pikepdf.ObjectStreamMode.disable)
    for name, expected in (("plain", []), ("packed", [kept.PDFA]), ("gone", [kept.PDFA])):
        after = kept.count(tmp_path / f"{name}.pdf")
        assert before
        assert after
        assert kept.lost(before, after, source, tmp_path / f"{name}.pdf") == expected
    line = summary.lines([replace(ROW, pdfa=True), replace(ROW, pdfa=True, lost=kept.PDFA)], [Tool("tool", ())])[0]
    assert (line.claims, line.claims_kept) == (2, 1)


def test_the_command_is_found_beside_this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need_ours()
    assert Path(OURS).parent == Path(sys.executable).parent
    monkeypatch.setattr("benchmarks.measure.OURS", str(tmp_path / "pdfsmaller"))
    with pytest.raises(SystemExit, match="install the project for this Python"):
        need_ours()


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_table(tmp_path / "t.tsv", [ROW])
    assert rows.read(tmp_path / "t.tsv") == [ROW]
    documents.write(tmp_path / "old.tsv", b"file\ttool\na\tb\n")
    assert rows.read(tmp_path / "old.tsv") == rows.read(tmp_path / "none.tsv") == []


def test_the_chart_shows_every_tool() -> None:
    lines = summary.lines([replace(ROW, tool=tool.name) for tool in TOOLS], TOOLS)
    picture = ElementTree.fromstring(chart.drawn(lines))
    shown = {element.text for element in picture.iter() if element.tag.endswith("text")}
    assert {tool.name for tool in TOOLS} <= shown


def test_a_page_without_a_place_for_the_tables_is_left_alone(tmp_path: Path) -> None:
    page = documents.write(tmp_path / "page.md", b"nothing\n")
    with pytest.raises(ValueError, match="no place"):
        report.put_into(page, "tables")
    assert page.read_bytes() == b"nothing\n"


def test_similarity_is_1_only_for_equal_pixels() -> None:
    noise = pyvips.Image.gaussnoise(60, 50, mean=128, sigma=30, seed=1).cast("uchar").bandjoin([90, 30])
    nearly = noise.draw_rect([255, 255, 255], 5, 5, 1, 1, fill=True)
    assert looks.similarity(noise, noise) == 1
    assert 0.9 < looks.similarity(noise, nearly) < 1
    assert looks.similarity(noise, noise.invert()) < 0.1
    assert looks.similarity(noise, None) == looks.similarity(noise, noise.crop(0, 0, 30, 50)) == 0


def test_what_is_lost_is_named(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.structured())
    before = kept.count(source)
    assert before
    assert kept.lost(before, before, source, source) == []
    with pikepdf.open(source) as pdf:
        del pdf.Root.Outlines
        del pdf.Root.StructTreeRoot
        del pdf.pages[0].obj["/Annots"]
        pdf.save(tmp_path / "out.pdf")
    after = kept.count(tmp_path / "out.pdf")
    assert after
    assert kept.lost(before, after, source, tmp_path / "out.pdf") == ["links", "outline", "tags"]


def test_a_signature_counts_only_over_the_bytes_that_were_signed(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.signed())
    target = documents.write(tmp_path / "out.pdf", documents.signed()[:-1] + b" ")
    counted = kept.count(source)
    assert counted
    assert kept.lost(counted, counted, source, source) == []
    assert kept.lost(counted, counted, source, target) == ["signatures"]
