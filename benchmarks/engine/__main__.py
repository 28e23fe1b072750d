"""The engine beside its rivals: ``python -m benchmarks.engine --corpus DIR --out benchmarks/engine/results``.

Every tool gets the same files, one after the other on the same machine: bytes, wall-clock seconds and peak memory,
and what the result kept: pages, text, structure, looks (read and rendered with poppler, which none of the tools
writes with). Tools that are not installed are left out. A tool's failed or grown file counts with its original size,
as a careful user would count it. Documents whose name ends in ``pw_…`` need a password, and are left out.

Seconds are compared file by file within one run, never across runs; a claim of PDF/A-1 counts as lost where the file
has object streams.

Writes into the folder: ``engine.tsv`` (a row for each file and tool), ``engine.json`` (the figures), ``engine.md``
(tables of them) and ``engine.svg`` (size against SSIM). ``--reuse`` measures only ours and those that our time
is compared with (or the ``--tools`` named), and takes the others' rows from the folder's table. ``--readme`` puts the
tables into a page too.

Needs poppler's ``pdftoppm`` and ``pdftotext``; ``pdfsmaller`` and the rivals that are Python packages are taken from
the environment of the Python that runs this.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.engine import chart, kept, looks, report, rows, summary
from benchmarks.engine.rows import Row
from benchmarks.engine.tools import EBOOK_MAX, TIMED, TOOLS, Tool
from benchmarks.measure import filled, need_ours, run, write_table


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of PDFs")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the results")
    parser.add_argument("--tools", default="", help="names, separated by semicolons; by default all")
    parser.add_argument("--reuse", action="store_true", help="keep the other tools' rows of the folder's table")
    parser.add_argument("--readme", type=Path, help="a page to put the tables into")
    parser.add_argument("--match", default="*.pdf", help="only files of such a name")
    parser.add_argument("--limit", type=int, default=0, help="only the first N files")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for a file")
    arguments = parser.parse_args()
    need_ours()
    wanted = arguments.tools.split(";") if arguments.tools else []
    timed = {tool for pair in TIMED for tool in pair}
    wanted = wanted or [tool.name for tool in TOOLS if tool.ours or tool in timed or not arguments.reuse]
    tools = [tool for tool in TOOLS if tool.name in wanted and tool.installed]
    files = [file for file in sorted(arguments.corpus.glob(arguments.match)) if "pw_" not in file.stem]
    files = files[: arguments.limit or None]
    table = arguments.out / "engine.tsv"
    sizes = {file.name: file.stat().st_size for file in arguments.corpus.glob("*.pdf")}
    known = [row for row in rows.read(table) if sizes.get(row.file) == row.bytes_in] if arguments.reuse else []
    arguments.out.mkdir(parents=True, exist_ok=True)
    measured = _measured(files, tools, known, table, arguments.timeout)
    _write(measured, arguments.out, arguments.readme)


def _measured(files: Sequence[Path], tools: Sequence[Tool], known: list[Row], table: Path, timeout: float) -> list[Row]:
    """The rows of all files. The table is written after each: a run that is stopped leaves what it measured."""
    again = {(file.name, tool.name) for file in files for tool in tools}
    found = [row for row in known if (row.file, row.tool) not in again]
    began = time.strftime("%Y-%m-%d %H:%M")
    for number, file in enumerate(files, 1):
        print(f"{number}/{len(files)} {file.name}", file=sys.stderr, flush=True)
        original = _Original(file)
        found += [original.through(tool, timeout, began) for tool in tools]
        write_table(table, found)
    return found


def _write(measured: list[Row], folder: Path, page: Path | None) -> None:
    lines, ratios, times = summary.lines(measured, TOOLS), summary.ratios(measured), summary.times(measured)
    tables = report.markdown(measured, lines, ratios, times)
    (folder / "engine.md").write_text(tables, encoding="utf-8")
    (folder / "engine.json").write_text(report.as_json(lines, ratios, times), encoding="utf-8")
    drawn = [line for line in lines if line.tool != EBOOK_MAX.name]  # its dot would lie on that of ebook
    (folder / "engine.svg").write_text(chart.drawn(drawn), encoding="utf-8")
    if page:
        report.put_into(page, tables)


class _Original:
    """A file as it was, read and rendered once for all tools."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.kept = kept.count(file)
        self.pages = self.kept["pages"] if self.kept else 1
        self.text = looks.text(file, self.pages)
        self.rendered = looks.rendered(file, looks.picked(self.pages))

    def through(self, tool: Tool, timeout: float, run_began: str) -> Row:
        """What becomes of it."""
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "out.pdf"
            cost = run(filled(tool.command, [self.file], target), timeout)
            return Row(
                file=self.file.name,
                tool=tool.name,
                bytes_in=self.file.stat().st_size,
                seconds=cost.seconds,
                cpu_seconds=cost.cpu_seconds,
                peak_mb=cost.peak_mb,
                pdfa=bool(self.kept and self.kept[kept.PDFA]),
                run=run_began,
                **self._compared(target),
            )

    def _compared(self, target: Path) -> dict[str, Any]:
        size = target.stat().st_size if target.exists() else 0
        after = kept.count(target) if size else None
        if after is None:
            nothing = {"bytes_out": 0, "pages_kept": False, "text_kept": False, "lost": ""}
            return nothing | {"ssim": -1.0, "ssim_min": -1.0, "pixels_kept": False, "compared": 0}
        alike = looks.likeness(self.rendered, looks.rendered(target, list(self.rendered)))
        return {
            "bytes_out": size,
            "pages_kept": self.kept is None or after["pages"] == self.kept["pages"],
            "text_kept": looks.text(target, self.pages) == self.text,
            "lost": ",".join(kept.lost(self.kept, after, self.file, target)) if self.kept else "",
            "ssim": round(alike.mean, 4),
            "ssim_min": round(alike.least, 4),
            "pixels_kept": alike.same,
            "compared": alike.pages,
        }


if __name__ == "__main__":
    main()
