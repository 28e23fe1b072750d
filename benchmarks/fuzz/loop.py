"""Case after case of a fuzzer that makes its own documents, until time is up."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

#: Reproducers kept of findings that say the same.
KEPT_OF_A_KIND = 3


class Wrong(Exception):
    """Something came out that must not.

    Args:
        what: one line.
        files: what shows it, by the name under which it is kept.
    """

    def __init__(self, what: str, files: dict[str, bytes] | None = None) -> None:
        super().__init__(what)
        self.files = files or {}


def main(name: str, description: str | None, run_case: Callable[[int, int], str]) -> int:
    """Run what the command line asks for; the exit code is 1 where there was a finding.

    Args:
        name: of the module.
        description: its text.
        run_case: seed, case → what became of it. Whatever it raises is a finding.
    """
    first = (description or "").splitlines()[0].partition(":")[0]
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=first)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="the folder for reproducers")
    parser.add_argument("--case", type=int, help="only this one")
    arguments = parser.parse_args()
    outcomes: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    end = time.monotonic() + arguments.minutes * 60
    for case in itertools.count() if arguments.case is None else [arguments.case]:
        if time.monotonic() > end:
            break
        try:
            outcomes[run_case(arguments.seed, case)] += 1
        except Exception as exc:
            said = f"{type(exc).__name__}: {exc}"
            faults[said] += 1
            if faults[said] <= KEPT_OF_A_KIND:
                print(f"case {case}: {said}", file=sys.stderr, flush=True)
                files = exc.files if isinstance(exc, Wrong) else {}
                arguments.keep.mkdir(parents=True, exist_ok=True)
                for end_of_name, data in {"txt": traceback.format_exc().encode(), **files}.items():
                    (arguments.keep / f"{name.rpartition('.')[2]}-{arguments.seed}-{case}.{end_of_name}").write_bytes(
                        data
                    )
    print(f"{outcomes.total() + faults.total()} cases: " + ", ".join(f"{k} {n}" for k, n in outcomes.most_common()))
    for said, number in faults.most_common():
        print(f"{number} × {said}")
    return int(bool(faults))
