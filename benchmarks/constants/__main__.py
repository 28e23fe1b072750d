"""What a constant should be: ``python -m benchmarks.constants images.weigh.PRICE 0.03 0.08 --corpus DIR``.

Compresses the documents of a folder with one named constant of the engine set to each of the values, and to that of
the code, and writes a table of bytes, similarity (poppler, see ``benchmarks.engine.looks``) and seconds of CPU:
``images.weigh.PRICE.md`` beside the others in ``results``. The comment beside the constant names it. Documents that
no value changes are counted, and left out of the figures.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.constants import patched
from benchmarks.engine import kept, looks
from benchmarks.measure import heading

RESULTS = Path(__file__).with_name("results")
_ENGINE = "pdfsmaller.engine."


@dataclass(frozen=True, slots=True)
class Made:
    """One document with one value. ``ssim`` and ``ssim_min``: of its rendered pages, their mean and the least."""

    file: str
    value: float
    bytes_in: int
    bytes_out: int
    ssim: float
    ssim_min: float
    cpu_seconds: float


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.constants", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("constant", help="below pdfsmaller.engine: images.weigh.PRICE")
    parser.add_argument("values", type=float, nargs="+", help="what to try beside the value in the code")
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of PDFs")
    parser.add_argument("--match", default="*.pdf", help="only files of such names, separated by commas")
    parser.add_argument("--preset", default="ebook")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    name = _ENGINE + arguments.constant
    files = sorted({file for match in arguments.match.split(",") for file in arguments.corpus.glob(match)})
    if not files:
        raise SystemExit(f"error: no {arguments.match} in {arguments.corpus}")
    current = _in_code(name)
    values = sorted({current, *arguments.values})
    made = [row for value in values for row in _with(name, value, arguments.preset, files)]
    command = f"python -m benchmarks.constants {arguments.constant} {' '.join(f'{v:g}' for v in arguments.values)}"
    command += f" --corpus DIR --match {arguments.match} --preset {arguments.preset}"
    page = in_words(made, values, current, command)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / f"{arguments.constant}.md").write_text(page, encoding="utf-8")
    print(page)


def _in_code(name: str) -> float:
    module, _, constant = name.rpartition(".")
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin:
        raise SystemExit(f"error: there is no module {module}")
    return patched.value_in(Path(spec.origin).read_text(encoding="utf-8"), constant)


def _with(name: str, value: float, preset: str, files: Sequence[Path]) -> list[Made]:
    """The documents with one value."""
    print(f"{name} = {value:g}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.constants.compressed", name, str(value), preset, folder, *files]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rows = []
        for number, (file, line) in enumerate(zip(files, told.splitlines(), strict=True)):
            result = Path(folder) / f"{number}.pdf"
            counted = kept.count(file)
            before = looks.rendered(file, looks.picked(counted["pages"] if counted else 1))
            alike = looks.likeness(before, looks.rendered(result, list(before)))
            sizes = file.stat().st_size, result.stat().st_size
            rows.append(Made(file.name, value, *sizes, alike.mean, alike.least, json.loads(line)["cpu_seconds"]))
        return rows


def in_words(made: Sequence[Made], values: Sequence[float], current: float, command: str) -> str:
    """The tables: all values, then the documents that they change."""
    by_file: dict[str, list[Made]] = {}
    for row in made:
        by_file.setdefault(row.file, []).append(row)
    changed = {file: rows for file, rows in by_file.items() if len({row.bytes_out for row in rows}) > 1}
    lines = [
        *heading(command),
        f"{len(changed)} of {len(by_file)} documents change; the figures are over those. Bold: the value in the code.",
        "",
        "| value | size (geometric mean) | bytes | SSIM mean | least page | CPU, of that with the value in the code |",
        "|---|---|---|---|---|---|",
    ]
    usual = sum(row.cpu_seconds for rows in changed.values() for row in rows if row.value == current)
    for value in values if changed else ():
        rows = [row for some in changed.values() for row in some if row.value == value]
        size = math.exp(sum(math.log(row.bytes_out / row.bytes_in) for row in rows) / len(rows))
        ssim, least = sum(row.ssim for row in rows) / len(rows), min(row.ssim_min for row in rows)
        cpu = sum(row.cpu_seconds for row in rows) / max(usual, 0.01)
        shown = f"**{value:g}**" if value == current else f"{value:g}"
        total = sum(row.bytes_out for row in rows)
        lines.append(f"| {shown} | {size:.4f} | {total:,} | {ssim:.4f} | {least:.4f} | {cpu:.2f} |")
    if changed:
        lines += ["", f"| document | {' | '.join(f'{value:g}' for value in values)} |", f"|---|{'---|' * len(values)}"]
    for file, rows in changed.items():
        lines.append(f"| {file} | {' | '.join(f'{row.bytes_out:,} ({row.ssim:.4f})' for row in rows)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
