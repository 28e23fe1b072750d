"""Splitting beside its peers: ``python -m benchmarks.split --out DIR``.

A document of 400 pages (``document``), or one of your own, comes apart into parts of at most 1 MB, and into parts of as
many pages each by ``qpdf --split-pages``, which knows no sizes. Of each run: seconds, peak memory, the parts and their
bytes, how many are over, and how much of what the document has is in the parts together: pages (with the text they
had), entries of the outline, links that lead to a page (of another part, too), names, fields, tags, page labels.

qpdf itself must be installed (Debian: ``qpdf``); where it is not, its row says so.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pikepdf
import pypdfium2
from pikepdf import Array, Dictionary

from benchmarks.combine import count
from benchmarks.measure import OURS as COMMAND
from benchmarks.measure import filled, heading, need_ours, run, write_table
from benchmarks.split import document

OURS = [COMMAND, "split", "{in}", "--output-dir", "{out}"]
KINDS = ("pages", "outline", "links", "names", "fields", "tags", "labels")


@dataclass(frozen=True, slots=True)
class Row:
    """One tool. ``kept`` is one of ``KINDS`` after the other, as parts/of the document."""

    tool: str
    seconds: float
    cpu_seconds: float
    peak_mb: int
    parts: int
    over: int
    largest: int
    bytes_in: int
    bytes_out: int
    kept: str
    note: str = ""


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.split", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the folder for the tables")
    parser.add_argument("--document", type=Path, help="a PDF; default: one of --number pages that is made")
    parser.add_argument("--number", type=int, default=400, help="pages of the document that is made")
    parser.add_argument("--most", type=int, default=1_000_000, help="what a part may have, in bytes")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for one run of a tool")
    arguments = parser.parse_args()
    need_ours()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source = arguments.document or Path(folder) / "document.pdf"
        if arguments.document is None:
            document.write(source, arguments.number)
        rows = measure(source, Path(folder), arguments.most, arguments.timeout)
    write_table(arguments.out / "split.tsv", rows)
    command = f"python -m benchmarks.split --out DIR --most {arguments.most}"
    command += f" --document {source.name}" if arguments.document else f" --number {arguments.number}"
    (arguments.out / "split.md").write_text(in_words(rows, command, arguments.most), encoding="utf-8")


def measure(source: Path, folder: Path, most: int, timeout: float) -> list[Row]:
    """Every tool on one document; qpdf's parts get as many pages as ours have on average."""
    with pikepdf.open(source) as pdf:
        pages = len(pdf.pages)
    sized = [*OURS, "--max-size", str(most)]
    rows = [_row("pdfsmaller, by size", [*sized, "--no-optimize"], source, folder, most, timeout)]
    each = str(math.ceil(pages / max(1, rows[0].parts)))
    rows.append(_row("pdfsmaller, by number", [*OURS, "--every", each, "--no-optimize"], source, folder, most, timeout))
    if shutil.which("qpdf"):
        words = ["qpdf", f"--split-pages={each}", "--object-streams=generate", "{in}", "{out}/part.pdf"]
        rows.append(_row(f"qpdf, {each} pages each", words, source, folder, most, timeout))
    else:
        rows.append(Row("qpdf", 0, 0, 0, 0, 0, 0, source.stat().st_size, 0, "", "not installed"))
    rows.append(_row("pdfsmaller, optimized, by size", sized, source, folder, most, timeout))
    rows.append(_row("pdfsmaller, optimized (ebook)", [*sized, "--preset", "ebook"], source, folder, most, timeout))
    return rows


def _row(tool: str, words: list[str], source: Path, folder: Path, most: int, timeout: float) -> Row:
    print(tool, file=sys.stderr)
    target = folder / "parts"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    cost = run(filled(words, [source], target), timeout)
    parts = sorted(target.rglob("*.pdf"))
    sizes = [part.stat().st_size for part in parts]
    note = "" if parts and cost.code == 0 else f"ended with {cost.code}"
    return Row(
        tool,
        cost.seconds,
        cost.cpu_seconds,
        cost.peak_mb,
        len(parts),
        sum(size > most for size in sizes),
        max(sizes, default=0),
        source.stat().st_size,
        sum(sizes),
        "; ".join(f"{kind} {have}/{of}" for kind, have, of in kept(source, parts)),
        note,
    )


def kept(source: Path, parts: list[Path]) -> list[tuple[str, int, int]]:
    """Kind, how many the parts have together, how many the document has."""
    expected, found = _counted(source), Counter[str]()
    texts, labels = _read(source)
    read = [_read(part) for part in parts]
    for part in parts:
        found += _counted(part)
    found["pages"] = sum(a == b for a, b in zip(texts, [text for part, _ in read for text in part], strict=False))
    shown = [label for _, own in read for label in own]
    found["labels"] = sum(a == b for a, b in zip(labels, shown, strict=False) if a)
    expected["labels"] = sum(bool(label) for label in labels)
    return [(kind, found[kind], expected[kind]) for kind in KINDS]


def _counted(file: Path) -> Counter[str]:
    with pikepdf.open(file) as pdf:
        found = Counter(count.of(pdf))
        found["links"] += sum(_leads_to_a_part(link, file.parent) for page in pdf.pages for link in _annotations(page))
        return found


def _annotations(page: pikepdf.Page) -> list[Dictionary]:
    annotations = page.obj.get("/Annots")
    return [a for a in annotations if isinstance(a, Dictionary)] if isinstance(annotations, Array) else []


def _leads_to_a_part(link: Dictionary, folder: Path) -> bool:
    """Whether a link leads to a page that another file has."""
    action = link.get("/A")
    if link.get("/Subtype") != "/Link" or not isinstance(action, Dictionary) or action.get("/S") != "/GoToR":
        return False
    file = folder / str(action.F.UF)
    if not file.exists():
        return False
    with pikepdf.open(file) as pdf:
        return int(action.D[0]) < len(pdf.pages)


def _read(file: Path) -> tuple[list[str], list[str]]:
    """The text and the label of every page."""
    with pypdfium2.PdfDocument(file) as pdf:
        texts = []
        for page in pdf:
            textpage = page.get_textpage()
            texts.append(str(textpage.get_text_range()))
            textpage.close()
            page.close()
        return texts, [pdf.get_page_label(number) for number in range(len(pdf))]


def in_words(rows: list[Row], command: str, most: int) -> str:
    """The table to read."""
    peer = next((row.seconds for row in rows if row.tool.startswith("qpdf") and row.seconds), 0.0)
    lines = [
        *heading(command),
        f"A document of {rows[0].bytes_in:,} bytes, parts of at most {most:,}. Seconds of the whole command, which "
        "checks what it wrote; CPU: all processors together.",
        "",
        "Kept: how many of what the document has are in the parts; links to pages of other parts count.",
        "",
        "| tool | parts | over | largest | bytes | of the document | seconds | × qpdf | CPU | peak MB | "
        + " | ".join(KINDS)
        + " |",
        "|---" * (10 + len(KINDS)) + "|",
    ]
    for row in rows:
        if row.note:
            lines.append(f"| {row.tool} | {row.note} |" + " |" * (8 + len(KINDS)))
            continue
        times = f"{row.seconds / peer:.1f}" if peer else ""
        own = " | ".join(part.rpartition(" ")[2] for part in row.kept.split("; "))
        lines.append(
            f"| {row.tool} | {row.parts} | {row.over} | {row.largest:,} | {row.bytes_out:,} "
            f"| {row.bytes_out / row.bytes_in:.3f} | {row.seconds:.1f} | {times} | {row.cpu_seconds:.1f} "
            f"| {row.peak_mb} | {own} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
