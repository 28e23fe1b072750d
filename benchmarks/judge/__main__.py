"""Results before judges that none of ours wrote: ``make judge FOLDER=pdfs``.

Compresses every PDF of a folder (with those below it), and compares each result with its original: text by poppler,
PDFium and pdf.js, pages and structure, looks in poppler and pdf.js, PDF/A-1b by PDFBox preflight, signatures by
pyHanko. Says for each document what differs, and writes ``judge.md`` with it, by folder: how many there were, and how
many of them each judge had something to say of. What the original has too (an error of preflight, a broken signature)
is no difference. A signed document comes back as it is; with ``--allow-signature-invalidation`` its result is smaller,
and has to say that its signatures no longer hold. Findings that a person has looked into stand in ``explained.tsv``. A
run that is stopped by ``--minutes`` goes on where it was: what ``judge.tsv`` has is not done again.

pdf.js and pyHanko come with ``make judge``; Debian's packages that are missing are named.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine import kept
from benchmarks.judge import pdfjs, preflight, signatures
from benchmarks.measure import OURS, heading, need_ours, write_table
from benchmarks.sweep import through

#: Findings that a person has looked into and that are no loss, with the reason.
EXPLAINED = Path(__file__).with_name("explained.tsv")
_SECONDS = 180
#: Exit codes that say something of the document: it is no PDF or broken, or needs a password.
_REFUSALS = (3, 4)
#: Each is asked only what it knows; poppler and PDFium read everything.
_JUDGES = ("pdf.js", "preflight", "pyHanko")
_LOST_SIGNATURES = "lost: signatures"
#: Warnings that say that signatures, or rights that one grants, are gone.
_SIGNATURES_TOLD = {"signature_invalidated", "usage_rights_dropped"}


@dataclass(frozen=True, slots=True)
class Judged:
    """One document.

    Attributes:
        outcome: bytes out by bytes in, ``unchanged``, ``refused`` or ``no result``.
        asked: the judges that had something to judge, separated by commas.
        found: what differs, separated by ``; ``.
    """

    file: str
    outcome: str
    asked: str
    found: str

    @property
    def folder(self) -> str:
        return str(Path(self.file).parent)


def main() -> None:
    """Run what the command line asks for; ends with 1 where something differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of PDFs, or of folders of them")
    parser.add_argument("--out", type=Path, help="the folder for judge.md and judge.tsv; by default only printed")
    parser.add_argument("--preset", default="ebook")
    parser.add_argument("--allow-signature-invalidation", action="store_true", help="change signed documents, too")
    parser.add_argument("--match", default="*.pdf", help="only files of such a name")
    parser.add_argument("--limit", type=int, default=0, help="only the first N files")
    parser.add_argument("--minutes", type=float, default=0, help="begin no document after so long")
    arguments = parser.parse_args()
    need_ours()
    _need_judges()
    warnings.simplefilter("ignore")  # pikepdf says whatever it mends
    logging.getLogger("pikepdf").setLevel(logging.CRITICAL)
    files = [file for file in sorted(arguments.corpus.rglob(arguments.match)) if file.is_file()]
    files = files[: arguments.limit or None]
    if not files:
        raise SystemExit(f"error: no {arguments.match} in {arguments.corpus}")
    table = arguments.out / "judge.tsv" if arguments.out else None
    known = {row.file: row for row in read(table)} if table else {}
    if table:
        table.parent.mkdir(parents=True, exist_ok=True)
    rows: list[Judged] = []
    end = time.monotonic() + arguments.minutes * 60
    options = ["--preset", arguments.preset]
    options += ["--allow-signature-invalidation"] if arguments.allow_signature_invalidation else []
    for file in files:
        name = str(file.relative_to(arguments.corpus))
        if name not in known and not (arguments.minutes and time.monotonic() > end):
            known[name] = _judged(file, name, options)
            print(f"{name}: {known[name].outcome}; {known[name].found}".rstrip("; "), flush=True)
            if table:  # at once: a run may be stopped anywhere
                write_table(table, list(known.values()))
        if name in known:
            rows.append(known[name])
    differing = sum(bool(row.found) for row in rows)
    told = f"{len(rows)} documents, {differing} differ"
    print(told)
    if table:
        command = f"python -m benchmarks.judge --corpus DIR --out DIR {' '.join(options)}"
        table.with_suffix(".md").write_text(markdown(rows, [*heading(command), f"{told}."]), encoding="utf-8")
    sys.exit(int(differing > 0))


def read(table: Path) -> list[Judged]:
    """What was judged before; nothing where there is no table."""
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as lines:
        return [Judged(**line) for line in csv.DictReader(lines, delimiter="\t")]


def markdown(rows: Sequence[Judged], head: Sequence[str]) -> str:
    """What became of each folder's documents, and every finding."""
    lines = [*head, "", f"| folder | documents | smaller | unchanged | refused | {' | '.join(_JUDGES)} | differ |"]
    lines.append("|---|" + "---|" * (5 + len(_JUDGES)))
    for folder in sorted({row.folder for row in rows}):
        mine = [row for row in rows if row.folder == folder]
        outcomes = Counter(row.outcome for row in mine)
        asked = Counter(judge for row in mine for judge in row.asked.split(","))
        unchanged, refused = outcomes["unchanged"], outcomes["refused"] + outcomes["no result"]
        counts = [len(mine), len(mine) - unchanged - refused, unchanged, refused, *(asked[judge] for judge in _JUDGES)]
        lines.append(f"| {folder} | {' | '.join(map(str, counts))} | {sum(bool(row.found) for row in mine)} |")
    with EXPLAINED.open(encoding="utf-8", newline="") as table:
        why = {line["file"]: line["why"] for line in csv.DictReader(table, delimiter="\t")}
    lines += ["", "| document | outcome | what differs | what it is |", "|---|---|---|---|"]
    for row in rows:
        if row.found:
            reason = why.get(Path(row.file).name, "")
            lines.append(f"| {row.file} | {row.outcome} | {row.found} | {reason} |")
    return "\n".join(lines) + "\n"


def _need_judges() -> None:
    poppler = [] if shutil.which("pdftoppm") and shutil.which("pdftotext") else ["poppler-utils"]
    if missing := [*poppler, *preflight.missing(), *signatures.missing(), *pdfjs.missing()]:
        raise SystemExit(
            f"error: missing: {', '.join(missing)} → install Debian's packages; the rest comes with `make judge`"
        )


def _judged(file: Path, name: str, options: Sequence[str]) -> Judged:
    """What became of a document, who judged it, and what differs."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.pdf", Path(folder) / "out.pdf"
        shutil.copyfile(file, source)
        command = [OURS, "compress", source, "-o", target, *options, "--json"]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return Judged(name, "no result", "", f"not done within {_SECONDS} s")
        if not target.exists():
            said = (ran.stderr.strip().splitlines() or ["no word"])[-1]
            return Judged(name, "refused", "", "" if ran.returncode in _REFUSALS else said)
        signed = signatures.verdicts(source)
        asked = ["pyHanko"] if signed else []
        if target.read_bytes() == source.read_bytes():
            return Judged(name, "unchanged", ",".join(asked), "")
        asked += ["preflight"] if preflight.claims(source) else []
        outcome = f"{target.stat().st_size / source.stat().st_size:.3f}"
        told = {warning["code"] for warning in json.loads(ran.stdout)["report"]["warnings"]}
        return Judged(name, outcome, ",".join(["pdf.js", *asked]), "; ".join(_differences(source, target, told)))


def _differences(source: Path, target: Path, told: set[str]) -> Iterator[str]:
    """What differs, but for signatures of which the report (its warnings) says that they are gone."""
    gone = bool(told & _SIGNATURES_TOLD)
    yield from (found for found in through.differences(source, target)[0] if not (gone and found == _LOST_SIGNATURES))
    counted = kept.count(source)
    last = counted["pages"] if counted else 1
    yield from pdfjs.differences(source, target, sorted({1, (last + 1) // 2, last}))
    yield from preflight.differences(source, target)
    if not gone:
        yield from signatures.differences(source, target)


if __name__ == "__main__":
    main()
