"""Fuzz the engine: ``python -m benchmarks.fuzz --corpus DIR --minutes 30 --seed 1 --keep FOLDER``.

Takes the documents of a folder (with those below it) and the generated ones of the tests, damages them (``mutate``),
and runs the engine on each in its sandboxed child with short limits, as the service does. Anything but a report or a
typed error is a finding, and so is a result that grew, does not open or lost pages. A finding's document, options and
traceback are kept in ``--keep``, at most a few of each kind. The exit code is 1 where there was a finding.

The same seed makes the same cases in the same order; ``--case N`` runs one of them alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import random
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.fuzz import run
from benchmarks.fuzz.mutate import mutated
from tests import documents

#: Reproducers kept of faults that come from one place.
KEPT_OF_A_KIND = 3
#: Documents larger than this only cost time.
MOST_BYTES = 4_000_000
_GENERATED = {**documents.IMAGES, **documents.STRUCTURES}


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, action="append", default=[], help="a folder of PDFs; may be repeated")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="the folder for reproducers")
    parser.add_argument("--case", type=int, help="only this one")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # pikepdf says whatever it mends
    logging.getLogger("pikepdf").setLevel(logging.CRITICAL)
    logging.getLogger("pdfsmaller").setLevel(logging.DEBUG)
    fuzzer = Fuzzer(_seeds(arguments.corpus), arguments.seed, arguments.keep)
    if arguments.case is not None:
        fuzzer.run(arguments.case)
    else:
        fuzzer.run_for(arguments.minutes * 60, arguments.processes)
    print(fuzzer.told())
    return int(any(fuzzer.faults))


class Fuzzer:
    """Runs cases and keeps count."""

    def __init__(self, seeds: list[Path | str], seed: int, keep: Path) -> None:
        self.seeds, self.seed, self.keep = seeds, seed, keep
        self.outcomes: Counter[str] = Counter()
        self.faults: Counter[tuple[str, str]] = Counter()
        self.slowest = (0.0, -1)
        self._lock = threading.Lock()

    def run_for(self, seconds: float, processes: int) -> None:
        """Case after case until time is up."""
        end = time.monotonic() + seconds

        def work(cases: Iterator[int]) -> None:
            while time.monotonic() < end:
                with self._lock:
                    case = next(cases)
                self.run(case)

        cases = itertools.count()
        with ThreadPoolExecutor(processes) as pool:
            for done in [pool.submit(work, cases) for _ in range(processes)]:
                done.result()

    def run(self, case: int) -> None:
        """One case."""
        rng = random.Random(f"{self.seed}:{case}")
        seed = rng.choice(self.seeds)
        others = [_read(other) for other in rng.choices(self.seeds, k=2)]
        password = _password(seed)
        data = mutated(_read(seed), others, rng, password)
        given = run.options(rng) | ({"password": password} if password and rng.random() < 0.8 else {})
        with tempfile.TemporaryDirectory() as folder:
            source = documents.write(Path(folder) / "in.pdf", data)
            started = time.monotonic()
            outcome = run.outcome(source, Path(folder) / "out.pdf", given)
            seconds = time.monotonic() - started
        with self._lock:
            self.outcomes[outcome.kind] += 1
            self.slowest = max(self.slowest, (seconds, case))
            if outcome.fault:
                self.faults[outcome.kind, outcome.where] += 1
                if self.faults[outcome.kind, outcome.where] <= KEPT_OF_A_KIND:
                    self._keep(case, seed, data, given, outcome)

    def _keep(self, case: int, seed: Path | str, data: bytes, given: dict[str, object], outcome: run.Outcome) -> None:
        self.keep.mkdir(parents=True, exist_ok=True)
        stem = f"{outcome.kind}-{self.seed}-{case}"
        documents.write(self.keep / f"{stem}.pdf", data)
        name = seed.name if isinstance(seed, Path) else seed
        told = [f"of {name}, options {json.dumps(given)}", outcome.where, outcome.said]
        (self.keep / f"{stem}.txt").write_text("\n".join(told) + "\n", encoding="utf-8")
        print(f"{outcome.kind}: case {case} of {name}: {outcome.where}", file=sys.stderr, flush=True)

    def told(self) -> str:
        """The result in words."""
        lines = [f"{self.outcomes.total()} cases: " + ", ".join(f"{k} {n}" for k, n in self.outcomes.most_common())]
        lines.append(f"slowest: case {self.slowest[1]}, {self.slowest[0]:.1f} s")
        lines += [f"{number} × {kind}: {where}" for (kind, where), number in self.faults.most_common()]
        return "\n".join(lines)


def _seeds(folders: list[Path]) -> list[Path | str]:
    """Files of the folders and names of generated documents, as many times that both weigh alike."""
    found = [file for folder in folders for file in sorted(folder.rglob("*.pdf"))]
    files = [file for file in found if 0 < file.stat().st_size <= MOST_BYTES]
    made = sorted(_GENERATED)
    return [*files, *made * max(1, round(len(files) / len(made)))]


def _read(seed: Path | str) -> bytes:
    return seed.read_bytes() if isinstance(seed, Path) else _GENERATED[seed]()


def _password(seed: Path | str) -> str:
    return seed.stem.partition("pw_")[2] if isinstance(seed, Path) else ""


if __name__ == "__main__":
    sys.exit(main())
