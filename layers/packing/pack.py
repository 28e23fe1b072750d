"""Fill the folders that become layers and functions."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from layers.packing import cuts
from layers.packing.dependencies import LAYERS, installed
from layers.packing.platforms import PYTHON_VERSION

ROOT = LAYERS.parent

#: Names the interpreter that compiles, where it is not ``python3.13`` on the PATH.
PYTHON_VARIABLE = "PYTHON313"

_JUNK = shutil.ignore_patterns("__pycache__", ".DS_Store", ".mypy_cache", ".ruff_cache", "Makefile")


def layer(name: str, arch: str, target: Path) -> None:
    """Fill ``target`` with the layer's content; the core layer has our own package too.

    Raises:
        PackingError: its dependencies cannot be had.
    """
    python = target / "python"
    shutil.copytree(installed(name, arch), python)
    if name == "core":
        shutil.copytree(ROOT / "shared" / "pdfsmaller", python / "pdfsmaller", ignore=_JUNK)
        cuts.cut(python)
    _compile(python)


def function(name: str, target: Path) -> None:
    """Fill ``target`` with one function's own code."""
    shutil.copytree(ROOT / "functions" / name, target / name, ignore=_JUNK)
    _compile(target)


def _compile(folder: Path) -> None:
    """Compile ahead, since Lambda's disk is read-only: otherwise every cold start would compile all of it again.

    By hash, since times do not survive the zip; and by Python 3.13, since only that writes what Lambda's reads.
    """
    python = os.environ.get(PYTHON_VARIABLE) or f"python{PYTHON_VERSION}"
    check = f"import sys; sys.exit('{PYTHON_VERSION}' != '%d.%d' % sys.version_info[:2])"
    try:
        found = subprocess.run([python, "-c", check], capture_output=True, check=False).returncode == 0
    except OSError:
        found = False
    if not found:
        print(
            f"note: {python} is no Python {PYTHON_VERSION}, so nothing is compiled ahead and cold starts are slower "
            f"→ install one, or name it in {PYTHON_VARIABLE}"
        )
        return
    # -s: tracebacks show paths as on Lambda. Some packages carry files for other Pythons: those stay uncompiled.
    subprocess.run(
        [python, "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", f"-s{folder}", str(folder)],
        check=False,
        stdout=subprocess.DEVNULL,
    )
