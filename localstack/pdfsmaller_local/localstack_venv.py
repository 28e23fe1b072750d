"""LocalStack's own virtual environment, made once: its pins would not suit the project's.

``localstack/requirements-localstack.txt`` is the whole of it, every version fixed. A stamp, written last, says for
which list and which Python it is complete; what has no stamp or another one is made anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pdfsmaller_local.config import ROOT
from pdfsmaller_local.problems import Problem

HOME = ROOT / ".venv-localstack"
LOCK = ROOT / "localstack" / "requirements-localstack.txt"
OLDEST_PYTHON = (3, 11)


def python(home: Path = HOME, requirements: Path = LOCK) -> Path:
    """The interpreter that LocalStack runs under, installed first where it is not there or not complete.

    Raises:
        Problem: this Python is too old, or the installation failed.
    """
    if sys.version_info < OLDEST_PYTHON:
        oldest, this = (f"{major}.{minor}" for major, minor in (OLDEST_PYTHON, sys.version_info[:2]))
        raise Problem(
            f"LocalStack needs Python {oldest} or newer; this is {this}.",
            "Run make clean, then make local PYTHON=/path/to/a/newer/python3.",
        )
    wanted = hashlib.sha256(f"{sys.version}\n{sys.base_prefix}\n{requirements.read_text()}".encode()).hexdigest()
    stamp, found = home / "complete", home / "env" / "bin" / "python"
    if _text(stamp) != wanted or not found.exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / ".gitignore").write_text("*\n")
        with (home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two stacks that start at once install once
            if _text(stamp) != wanted or not found.exists():
                stamp.unlink(missing_ok=True)
                _install(home, requirements)
                stamp.write_text(wanted)
    return found


def _install(home: Path, requirements: Path) -> None:
    print(f"Installing LocalStack into {home.name} (once, about 2 minutes) …", flush=True)
    env, log = home / "env", home / "install.log"
    shutil.rmtree(env, ignore_errors=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    pip = [str(env / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    with log.open("wb") as out:
        for command in ([sys.executable, "-m", "venv", str(env)], [*pip, "--requirement", str(requirements)]):
            ended = subprocess.run(
                command, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, check=False
            )
            if ended.returncode:
                raise _why(log)


def _why(log: Path) -> Problem:
    text = log.read_text(errors="replace")
    if "No space left" in text:
        return Problem("The disk is full; LocalStack could not be installed.", "Make some room, then try again.")
    if any(sign in text for sign in ("Failed to establish a new connection", "NewConnectionError", "Name or service")):
        return Problem(
            "LocalStack could not be installed: the package index cannot be reached.",
            "Connect to the network and try again, or take another emulator: EMULATOR=ministack make local",
        )
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    said = errors[-1] if errors else "pip gives no reason"
    return Problem(
        f"LocalStack could not be installed: {said[:300]}",
        f"See {log}, or take another emulator: EMULATOR=ministack make local",
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
