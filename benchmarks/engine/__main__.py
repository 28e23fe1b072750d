"""The engine beside its peers: ``python -m benchmarks.engine --corpus DIR --out benchmarks/engine/results``.

Every tool gets the same files, one after the other in the same run on the same machine: bytes, wall-clock seconds and
peak memory, and whether the result opens with the same pages and the same text (read with pdfium, which none of the
tools writes with). Tools that are not installed are left out. A tool's failed or grown file counts with its original
size, as a careful user would count it.

Writes ``engine.tsv`` (a row for each file and tool) and ``engine.md`` (a table of ratios) into the folder. For SSIM
and structure use a judge of its own; this stays small on purpose.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pypdfium2

OURS = f"{sys.executable} -m pdfsmaller.cli compress {{in}} -o {{out}} -q --preset"
GHOSTSCRIPT = "gs -q -dNOPAUSE -dBATCH -dSAFER -sDEVICE=pdfwrite -dPDFSETTINGS=/PRESET -sOutputFile={out} {in}"
TOOLS = {
    "pdfsmaller lossless": f"{OURS} lossless",
    "pdfsmaller ebook": f"{OURS} ebook",
    "pdfsmaller screen": f"{OURS} screen",
    "gs /ebook": GHOSTSCRIPT.replace("PRESET", "ebook"),
    "gs /screen": GHOSTSCRIPT.replace("PRESET", "screen"),
    "qpdf": "qpdf --object-streams=generate --recompress-flate --compression-level=9 --optimize-images "
    "--warning-exit-0 {in} {out}",
    "mutool": "mutool clean -gggg -z -i -f {in} {out}",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One file through one tool.

    Attributes:
        bytes_in, bytes_out: sizes; ``bytes_out`` is 0 where nothing usable came out.
        seconds: wall clock of the whole process.
        peak_mb: the largest resident size of the process and its children together, in megabytes.
        pages_kept, text_kept: the same number of pages; the same text, white space aside.
    """

    file: str
    tool: str
    bytes_in: int
    bytes_out: int
    seconds: float
    peak_mb: int
    pages_kept: bool
    text_kept: bool

    @property
    def ratio(self) -> float:
        """Bytes out over bytes in; a failed or grown result counts as the original."""
        usable = self.bytes_out and self.pages_kept
        return min(1.0, self.bytes_out / self.bytes_in) if usable else 1.0


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of PDFs")
    parser.add_argument("--out", type=Path, required=True, help="the folder for engine.tsv and engine.md")
    parser.add_argument("--tools", default=",".join(TOOLS), help="names, separated by commas")
    parser.add_argument("--limit", type=int, default=0, help="only the first N files")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for a file")
    arguments = parser.parse_args()
    tools = {name: TOOLS[name] for name in arguments.tools.split(",") if shutil.which(TOOLS[name].split()[0])}
    # Files whose name ends in pw_… need a password, which not every tool can be given in the same way.
    files = [file for file in sorted(arguments.corpus.glob("*.pdf")) if "pw_" not in file.stem]
    rows: list[Row] = []
    for number, file in enumerate(files[: arguments.limit or None], 1):
        print(f"{number}/{len(files)} {file.name}", file=sys.stderr)
        expected = _texts(file)
        rows += [_measure(file, name, command, expected, arguments.timeout) for name, command in tools.items()]
        _write(rows, list(tools), arguments.out)  # after each file: a run that is stopped leaves what it measured


def _write(rows: list[Row], tools: list[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "engine.tsv").open("w", newline="") as table:
        writer = csv.writer(table, delimiter="\t", lineterminator="\n")
        writer.writerow(field.name for field in fields(Row))
        writer.writerows(asdict(row).values() for row in rows)
    (folder / "engine.md").write_text(_markdown(rows, tools), encoding="utf-8")


def _measure(file: Path, tool: str, command: str, expected: list[str] | None, timeout: float) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.pdf"
        filled = [part.replace("{in}", str(file)).replace("{out}", str(target)) for part in command.split()]
        seconds, peak = _run(filled, timeout)
        size = target.stat().st_size if target.exists() else 0
        found = _texts(target) if size else None
    readable = found is not None
    return Row(
        file=file.name,
        tool=tool,
        bytes_in=file.stat().st_size,
        bytes_out=size if readable else 0,
        seconds=round(seconds, 2),
        peak_mb=peak,
        pages_kept=found is not None and (expected is None or len(found) == len(expected)),
        text_kept=found is not None and (expected is None or found == expected),
    )


def _run(command: Sequence[str], timeout: float) -> tuple[float, int]:
    """Wall-clock seconds and the peak memory of a process with its children, in megabytes."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
    seconds = time.perf_counter() - started
    watcher.join()
    return seconds, peak // 1_000_000


def _resident(pid: int) -> int:
    """Resident bytes of a process and all below it (Linux; 0 elsewhere)."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGESIZE") + sum(_resident(int(child)) for child in children)


def _texts(file: Path) -> list[str] | None:
    """Each page's text without white space, or None where the file does not open."""
    try:
        with pypdfium2.PdfDocument(file) as document:
            found = []
            for page in document:
                textpage = page.get_textpage()
                found.append("".join(str(textpage.get_text_range()).split()))
                textpage.close()
                page.close()
            return found
    except pypdfium2.PdfiumError:
        return None


def _markdown(rows: list[Row], tools: list[str]) -> str:
    """One line for each tool, all of them over the same files."""
    files = len({row.file for row in rows})
    lines = [
        f"{files} files, {os.cpu_count()} processors, {platform.system()} {platform.machine()}, one run.",
        "",
        "| tool | size (geometric mean) | size (total) | grown or failed | text changed | seconds | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for tool in tools:
        mine = [row for row in rows if row.tool == tool]
        if not mine:
            continue
        geometric = math.exp(sum(math.log(row.ratio) for row in mine) / len(mine))
        total = sum(row.ratio * row.bytes_in for row in mine) / sum(row.bytes_in for row in mine)
        bad = sum(not row.bytes_out or not row.pages_kept or row.bytes_out > row.bytes_in for row in mine)
        changed = sum(bool(row.bytes_out) and not row.text_kept for row in mine)
        seconds, peak = sum(row.seconds for row in mine), max(row.peak_mb for row in mine)
        lines.append(f"| {tool} | {geometric:.3f} | {total:.3f} | {bad} | {changed} | {seconds:.0f} | {peak} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
