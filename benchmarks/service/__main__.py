"""Measure the service: ``python -m benchmarks.service [--url http://localhost:8080] [--runs 20]``.

Prints two tables. *Overhead*: seconds from sending POST /api/compress to the job's end as its row tells it, less the
engine's own seconds (its report's total), for a small PDF on a warm stack; ``--url`` names a running one. *Imports*:
seconds that a fresh interpreter takes to import each handler, less those it takes to start.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.service.overhead import overhead

ROOT = Path(__file__).parents[2]


def import_seconds(module: str, runs: int) -> list[float]:
    """Seconds to import a handler in a fresh interpreter, compiled files being there already."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'functions'}:{ROOT / 'shared'}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "as on Lambda",
    }
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    figures = []
    for _ in range(runs + 1):
        shown = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        figures.append(float(shown.stdout.split()[-1]))
    return figures[1:]


def row(name: str, figures: list[float]) -> str:
    return f"{name:20}{min(figures):9.3f}{statistics.median(figures):9.3f}{max(figures):9.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a running service; without it only imports are measured")
    parser.add_argument("--runs", type=int, default=20)
    given = parser.parse_args()
    print(json.dumps({"python": sys.version.split()[0], "cpus": os.cpu_count(), "runs": given.runs}))
    print(f"{'seconds':20}{'min':>9}{'median':>9}{'max':>9}")
    for module in ("upload.main", "compress.main", "cleanup.main"):
        print(row(f"import {module}", import_seconds(module, min(given.runs, 7))))
    if given.url:
        print(row("overhead", overhead(given.url, given.runs)))


if __name__ == "__main__":
    main()
