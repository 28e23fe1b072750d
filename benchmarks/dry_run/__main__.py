"""Dry runs beside real ones: ``python -m benchmarks.dry_run --corpus DIR [--every N] [--out DIR]``.

Every Nth document of a folder (in the order of names) is estimated once, and compressed with each preset. *Error* is
what was expected over what came out, less 1; *of the document* the same difference as a share of the original. *Cost*
is the processor time of the dry run over that of one real run with ebook, both in this process. Time limits are off, so
that what else the machine does changes nothing. Documents that need a password are left out.

Writes ``dry_run.tsv`` (a row for each document and preset, as they come) and ``dry_run.md`` into ``--out``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import heading, write_table
from pdfsmaller.engine.compress import compress, run
from pdfsmaller.engine.estimate import estimate
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import PRESETS, CompressOptions
from pdfsmaller.errors import DocumentError
from pdfsmaller.limits import Limits

RESULTS = Path(__file__).parent / "results"
_LIMITS = Limits().within(3_600)


@dataclass(frozen=True, slots=True)
class Row:
    """One document with one preset: sizes in bytes, seconds of processor time (the dry run's is for all presets)."""

    file: str
    preset: str
    bytes_in: int
    expected: int
    real: int
    dry_run_seconds: float
    seconds: float

    @property
    def error(self) -> float:
        return self.expected / self.real - 1

    @property
    def of_document(self) -> float:
        return (self.expected - self.real) / self.bytes_in


def measure(source: Path, folder: Path) -> list[Row]:
    """One document with every preset. Raises DocumentError where it cannot be done."""
    begun = time.process_time()
    options = CompressOptions.parse({"dry_run": True})
    done = run(
        [InputFile(source, source.name)],
        folder,
        options,
        limits=_LIMITS,
        progress=lambda _stage, _percent, _pages=None: None,
    )
    dry = time.process_time() - begun
    rows = []
    for expected in done.report.presets:
        begun = time.process_time()
        report = compress(source, folder / "out.pdf", CompressOptions(preset=expected.preset), limits=_LIMITS)
        took = time.process_time() - begun
        size = report.input_bytes
        rows.append(
            Row(source.name, expected.preset, size, expected.bytes, report.output_bytes, round(dry, 2), round(took, 2))
        )
    return rows


def in_words(rows: list[Row], command: str) -> str:
    """The tables."""
    files = {row.file for row in rows}
    lines = [
        *heading(command),
        f"{len(files)} documents.",
        "",
        "| preset | error: median | 90th percentile | mean, signed | of the document: median | 90th percentile |",
        "|---|---|---|---|---|---|",
    ]
    for preset in [preset for preset in PRESETS if preset]:
        some = [row for row in rows if row.preset == preset]
        errors, shares = (sorted(map(abs, of)) for of in ([r.error for r in some], [r.of_document for r in some]))
        lines.append(
            f"| {preset} | {statistics.median(errors):.1%} | {_tenth(errors):.1%} "
            f"| {statistics.mean(row.error for row in some):+.1%} "
            f"| {statistics.median(shares):.1%} | {_tenth(shares):.1%} |"
        )
    pairs = [(row.dry_run_seconds, row.seconds) for row in rows if row.preset == "ebook"]
    dry, real = (sum(column) for column in zip(*pairs, strict=True))
    costs = [one / other for one, other in pairs]
    worst = sorted((row for row in rows), key=lambda row: -abs(row.of_document))[:5]
    lines += [
        "",
        f"All five presets together cost {dry / real:.2f} of one real run with ebook ({dry:.0f} s of processor time "
        f"against {real:.0f}); the median document's dry run {statistics.median(costs):.2f} of its own. The longest "
        f"took {max(one for one, _ in pairs):.1f} s.",
        "",
        "Furthest off, as shares of the document:",
        "",
        *(f"- {row.file}, {row.preset}: expected {row.expected:,}, came out {row.real:,}" for row in worst),
    ]
    return "\n".join(lines) + "\n"


def _tenth(values: list[float]) -> float:
    """What nine tenths of sorted values are at most."""
    return values[min(len(values) - 1, int(0.9 * len(values)))]


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of PDFs")
    parser.add_argument("--every", type=int, default=1, help="take every Nth of them")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the folder for the tables")
    given = parser.parse_args()
    estimate.SECONDS = _LIMITS.soft_seconds
    given.out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for source in sorted(given.corpus.glob("*.pdf"))[:: given.every]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                rows += measure(source, Path(folder))
            except DocumentError as exc:
                print(f"{source.name}: {exc.message}", file=sys.stderr)
                continue
        write_table(given.out / "dry_run.tsv", rows)
        words = in_words(rows, f"python -m benchmarks.dry_run --corpus DIR --every {given.every}")
        (given.out / "dry_run.md").write_text(words, encoding="utf-8")
    print((given.out / "dry_run.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
