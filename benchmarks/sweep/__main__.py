"""Look for what the engine does wrong: ``python -m benchmarks.sweep --corpus DIR --out DIR/sweep.tsv``.

Compresses every PDF of a folder (with those below it) as the service does, and compares each result with its original
with readers that the engine's own verification does not use, or not so: text by poppler and by PDFium, pages and
structure by pikepdf, looks by poppler. It is not a race: there is no rival in it, and no time is measured. Feed it
the test documents of other PDF projects, which are as odd as documents come.

The table has a row for each document. A run that is stopped goes on where it was: what the table has is not done
again, unless ``--again`` asks for the rows with findings. ``--per-suite`` bounds what one suite (a folder of the first
level) may take, spread evenly over its documents; ``--minutes`` ends the run in good order. Beside the table,
``sweep.md`` counts the outcomes and lists every finding. Needs poppler's ``pdftoppm`` and ``pdftotext``.
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path

from benchmarks.measure import write_table
from benchmarks.sweep import summary
from benchmarks.sweep.row import Row, read
from benchmarks.sweep.through import through
from pdfsmaller import sandbox

_WRITE_EVERY = 20


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of PDFs, or of folders of them")
    parser.add_argument("--out", type=Path, required=True, help="the table; sweep.md is written beside it")
    parser.add_argument("--preset", default="ebook")
    parser.add_argument("--match", default="*.pdf", help="only files of such a name")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--per-suite", type=int, default=0, help="at most so many documents of each suite")
    parser.add_argument("--minutes", type=float, default=0, help="begin no document after so long")
    parser.add_argument("--again", action="store_true", help="do documents with findings once more")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # pikepdf says whatever it mends
    logging.getLogger("pikepdf").setLevel(logging.CRITICAL)
    known = {row.file: row for row in read(arguments.out) if not (arguments.again and row.finding)}
    files = _picked(arguments.corpus, arguments.match, arguments.per_suite)
    sweep = _Sweep(arguments.corpus, arguments.preset, arguments.out, known, arguments.minutes * 60)
    sandbox.warm_up()
    try:
        with ThreadPoolExecutor(arguments.processes) as pool:
            list(pool.map(sweep.document, files))
    finally:
        sandbox.cool_down()
        sweep.write()
    print(f"{len(sweep.rows)} documents, {sum(bool(row.finding) for row in sweep.rows.values())} findings")


def _picked(corpus: Path, match: str, per_suite: int) -> list[Path]:
    """The documents, the suites in turn: a run that ends early has some of each."""
    suites: dict[str, list[Path]] = {}
    for file in sorted(corpus.rglob(match)):
        if file.is_file():
            suites.setdefault(file.relative_to(corpus).parts[0], []).append(file)
    for name, files in suites.items():
        if 0 < per_suite < len(files):
            suites[name] = [files[number * len(files) // per_suite] for number in range(per_suite)]
    return [file for turn in zip_longest(*suites.values()) for file in turn if file]


class _Sweep:
    """The table while it grows. ``seconds``: 0 for no end."""

    def __init__(self, corpus: Path, preset: str, table: Path, rows: dict[str, Row], seconds: float) -> None:
        self.corpus, self.preset, self.table, self.rows = corpus, preset, table, rows
        self._end = time.monotonic() + (seconds or math.inf)
        self._lock = threading.Lock()
        table.parent.mkdir(parents=True, exist_ok=True)

    def document(self, file: Path) -> None:
        """Do one, unless the table has it or time is up."""
        name = str(file.relative_to(self.corpus))
        if name in self.rows or time.monotonic() > self._end:
            return
        row = through(file, name, self.preset)
        with self._lock:
            self.rows[name] = row
            if row.finding:
                print(f"{name}: {row.finding}", file=sys.stderr, flush=True)
            if len(self.rows) % _WRITE_EVERY == 0:
                self.write()

    def write(self) -> None:
        """Write the table and the page."""
        rows = [self.rows[name] for name in sorted(self.rows)]
        if rows:
            write_table(self.table, rows)
            self.table.with_name("sweep.md").write_text(summary.markdown(rows, self.preset), encoding="utf-8")


if __name__ == "__main__":
    main()
