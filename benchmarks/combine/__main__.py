"""Merging and images beside their peers: ``python -m benchmarks.combine --corpus DIR --out DIR``.

Three parts, each with a table of its own (``.tsv``: every number; ``.md``: to read):

- ``merges``: sets of the corpus's documents through every tool: bytes, seconds, peak memory, and how much of what the
  sources have together is in the result: pages, outline entries, links and names that lead to a page, fields, tags,
  page labels, layers, attached files.
- ``images``: generated pictures and those in the corpus, one at a time, without loss: bytes, seconds, whether the
  pixels in the PDF are those that Pillow reads from the file.
- ``memory``: 100 inputs at once, none of which share anything.

Tools that are not installed are named as missing. Documents whose name ends in ``pw_…`` need a password, and are left
out.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf

from benchmarks.combine import count, pictures
from benchmarks.combine.inputs import noisy_copies, noisy_pages
from benchmarks.measure import OURS as COMMAND
from benchmarks.measure import filled, heading, need_ours, run, write_table

OURS = [COMMAND, "merge", "{in}", "-o", "{out}", "-q"]
#: What to run; ``{in}`` stands for all inputs.
MERGERS: dict[str, list[str]] = {
    "pdfsmaller": [*OURS, "--no-optimize"],
    "pdfsmaller, optimized (ebook)": [*OURS, "--preset", "ebook"],
    "qpdf": ["qpdf", "--warning-exit-0", "--empty", "--pages", "{in}", "--", "{out}"],
    "pdfunite": ["pdfunite", "{in}", "{out}"],
}
PLAIN = ("pdfsmaller", "qpdf", "pdfunite")
#: Tools that are quick are run this often; the quickest run counts.
TIMES = 3
#: More files than this are too many for a set: it is thinned out evenly.
MOST = 12


@dataclass(frozen=True, slots=True)
class Merge:
    """One set of documents through one tool. ``bytes_out`` is 0 where nothing came out; ``note`` says why."""

    set: str
    tool: str
    files: int
    bytes_in: int
    bytes_out: int
    seconds: float
    peak_mb: int
    note: str
    kept: str


@dataclass(frozen=True, slots=True)
class Load:
    """Many inputs at once."""

    inputs: str
    tool: str
    bytes_in: int
    bytes_out: int
    seconds: float
    peak_mb: int
    note: str


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.combine", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of PDFs")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the tables")
    parser.add_argument("--parts", default="merges,images,memory", help="which parts, separated by commas")
    parser.add_argument("--inputs", type=int, default=100, help="how many inputs the part memory has")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one run of a tool")
    arguments = parser.parse_args()
    need_ours()
    arguments.out.mkdir(parents=True, exist_ok=True)
    parts = arguments.parts.split(",")
    documents = [file for file in sorted(arguments.corpus.glob("*.pdf")) if "pw_" not in file.stem]
    command = f"python -m benchmarks.combine --corpus DIR --out DIR --parts {arguments.parts}"
    if "merges" in parts:
        measure_merges(documents, arguments.out, command, arguments.timeout)
    if "images" in parts:
        pictures.measure(documents, arguments.out, command, arguments.timeout)
    if "memory" in parts:
        measure_memory(documents, arguments.out, command, arguments.timeout, arguments.inputs)


# --- merges -----------------------------------------------------------------------------------------------------------


def measure_merges(documents: list[Path], out: Path, command: str, timeout: float) -> None:
    """Every set through every tool."""
    rows: list[Merge] = []
    for name, files in sets(documents).items():
        expected = count.together(files)
        for tool, words in MERGERS.items():
            print(f"{name}: {len(files)} files, {tool}", file=sys.stderr)
            rows.append(_merge(name, tool, words, files, expected, timeout))
            write_table(out / "merges.tsv", rows)
            (out / "merges.md").write_text(_merges_in_words(rows, command), encoding="utf-8")


def sets(documents: Sequence[Path]) -> dict[str, list[Path]]:
    """The documents by what they hold, told from the files themselves."""
    found: dict[str, list[Path]] = {"text with outlines": [], "forms": [], "slides and scans": []}
    open_to_all: list[Path] = []
    for file in documents:
        with pikepdf.open(file) as pdf:
            if pdf.is_encrypted:
                continue
            open_to_all.append(file)
            counted = count.of(pdf)
            drawn = count.image_bytes(pdf) / file.stat().st_size
        if counted["fields"]:
            found["forms"].append(file)
        elif counted["outline"] and counted["pages"] > 4 and count.words_on_the_middle_page(file) > 150:
            found["text with outlines"].append(file)
        elif drawn > 0.6:
            found["slides and scans"].append(file)
    thinned = {name: files[:: -(-len(files) // MOST)] for name, files in found.items() if len(files) > 1}
    return thinned | {"all that are not encrypted": open_to_all, "all": list(documents)}


def _merge(
    name: str, tool: str, words: list[str], files: list[Path], expected: dict[str, Any], timeout: float
) -> Merge:
    size = sum(file.stat().st_size for file in files)
    if not shutil.which(words[0]):
        return Merge(name, tool, len(files), size, 0, 0.0, 0, "not installed", "")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.pdf"
        given = filled(words, files, target)
        measured = [run(given, timeout) for _ in range(TIMES if tool in PLAIN else 1)]
        seconds, peak = min(cost.seconds for cost in measured), max(cost.peak_mb for cost in measured)
        if not target.exists():
            said = _why(given, timeout)
            return Merge(name, tool, len(files), size, 0, seconds, peak, said, "")
        kept = "; ".join(f"{what} {have}/{of}" for what, have, of in count.kept(target, files, expected))
        return Merge(name, tool, len(files), size, target.stat().st_size, seconds, peak, "", kept)


def _why(given: list[str], timeout: float) -> str:
    try:
        done = subprocess.run(given, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return "took too long"
    lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    words = (lines[0] if lines else "nothing came out").replace(given[-1], "the result")
    return "refused: " + " ".join(Path(word).name if "/" in word else word for word in words.split())[:90].strip("')")


def _merges_in_words(rows: list[Merge], command: str) -> str:
    lines = [*heading(command), f"Seconds: the quickest of {TIMES} runs; of one where images are compressed.", ""]
    for name in dict.fromkeys(row.set for row in rows):
        mine = [row for row in rows if row.set == name]
        lines += [
            f"## {name}: {mine[0].files} files, {mine[0].bytes_in:,} bytes",
            "",
            "Kept: how many of what the sources have together.",
            "",
            "| tool | bytes | of the sources | seconds | peak MB | " + " | ".join(count.KINDS) + " |",
            "|---" * (5 + len(count.KINDS)) + "|",
        ]
        for row in mine:
            if not row.bytes_out:
                lines.append(f"| {row.tool} | {row.note} |" + " |" * (3 + len(count.KINDS)))
                continue
            kept = " | ".join(part.rpartition(" ")[2] for part in row.kept.split("; "))
            share = row.bytes_out / row.bytes_in
            lines.append(
                f"| {row.tool} | {row.bytes_out:,} | {share:.3f} | {row.seconds:.2f} | {row.peak_mb} | {kept} |"
            )
        lines.append("")
    return "\n".join(lines)


# --- memory -----------------------------------------------------------------------------------------------------------


def measure_memory(documents: list[Path], out: Path, command: str, timeout: float, number: int) -> None:
    """Many inputs that share nothing."""
    rows: list[Load] = []
    text_rich = next((file for file in documents if file.stem == "chelsea-transport-plan"), None)
    text_rich = text_rich or max(documents, key=lambda file: file.stat().st_size)
    for name in ("pages of noise, 5 MB each", f"copies of {text_rich.name} that differ"):
        with tempfile.TemporaryDirectory() as folder:
            if name.startswith("pages"):
                files = noisy_pages(Path(folder), number)
            else:
                files = noisy_copies(text_rich, Path(folder), number)
            size = sum(file.stat().st_size for file in files)
            for tool, words in MERGERS.items():
                print(f"{number} {name}, {tool}", file=sys.stderr)
                if not shutil.which(words[0]):
                    rows.append(Load(f"{number} {name}", tool, size, 0, 0.0, 0, "not installed"))
                    continue
                target = Path(folder) / "out.pdf"
                target.unlink(missing_ok=True)
                cost = run(filled(words, files, target), timeout)
                made = target.stat().st_size if target.exists() else 0
                note = "" if made else "nothing came out"
                rows.append(Load(f"{number} {name}", tool, size, made, round(cost.seconds, 1), cost.peak_mb, note))
                write_table(out / "memory.tsv", rows)
                (out / "memory.md").write_text(_memory_in_words(rows, command), encoding="utf-8")


def _memory_in_words(rows: list[Load], command: str) -> str:
    lines = [
        *heading(command),
        "Peak MB: the process and its children together.",
        "",
        "| inputs | MB in | tool | MB out | seconds | peak MB | |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.inputs} | {row.bytes_in / 1e6:.0f} | {row.tool} | {row.bytes_out / 1e6:.0f} | {row.seconds:.0f} "
        f"| {row.peak_mb} | {row.note} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
