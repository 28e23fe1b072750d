"""A layer's dependencies: their lock, and their files, kept from one build to the next."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from layers.packing import cuts, platforms
from layers.packing.errors import PackingError

LAYERS = Path(__file__).resolve().parents[1]
#: Files of dependencies, by layer, architecture and everything that decides over them.
CACHE = LAYERS.parent / "build" / "layers"

#: The layers with what pip reads: what to lock and the lock, from wheels and from source.
NAMES = ("core", "engine")
_WHEELS = ("requirements.txt", "lock.txt")
_SOURCES = ("requirements-source.txt", "lock-source.txt")

_LOCK_HEAD = "# Made by `make lock` from {}: what the layer holds, for both architectures.\n"


def installed(layer: str, arch: str) -> Path:
    """The folder with a layer's dependencies, without what is cut, not yet compiled.

    A folder appears in the cache only once it is complete, so that a build that was stopped leaves nothing half done.

    Raises:
        PackingError: pip could not fetch or install them.
    """
    kept = CACHE / f"{layer}-{arch}-{_digest(layer)}"
    if kept.is_dir():
        return kept
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{layer}-", dir=CACHE) as folder:
        made = Path(folder) / "python"
        common = ["--target", str(made), "--no-deps", "--require-hashes"]
        _pip("install", *common, *platforms.pip_options(arch), "--requirement", str(LAYERS / layer / _WHEELS[1]))
        if (LAYERS / layer / _SOURCES[1]).exists():
            # Not from pip's cache: what it built there may be linked with a library of this machine. And with the tools
            # that are installed here, locked as all else (requirements/build.txt), not with the newest of the day.
            own = ("--no-cache-dir", "--no-build-isolation")
            _pip("install", *common, *own, "--requirement", str(LAYERS / layer / _SOURCES[1]))
        cuts.cut(made)
        for old in CACHE.glob(f"{layer}-{arch}-*"):
            shutil.rmtree(old)
        made.rename(kept)
    return kept


def lock(layer: str) -> None:
    """Write the newest versions that a layer's requirements allow, with the hashes of their files, into its lock.

    Raises:
        PackingError: pip could not find them.
    """
    for asked, locked in (_WHEELS, _SOURCES):
        source = LAYERS / layer / asked
        if not source.exists():
            continue
        found: dict[str, set[str]] = {}
        for arch in platforms.WHEEL_MACHINES:
            options = platforms.pip_options(arch) if asked == _WHEELS[0] else ["--no-deps"]
            target = str(CACHE / "nowhere")  # pip wants one for a foreign platform, though it installs nothing
            report = json.loads(
                _pip(
                    *("install", "--dry-run", "--ignore-installed", "--report=-", "--target", target, *options),
                    *("--requirement", str(source)),
                )
            )
            for item in report["install"]:
                name = f"{item['metadata']['name'].lower()}=={item['metadata']['version']}"
                found.setdefault(name, set()).add(item["download_info"]["archive_info"]["hashes"]["sha256"])
        lines = [
            " \\\n".join([name, *(f"    --hash=sha256:{value}" for value in sorted(found[name]))]) + "\n"
            for name in sorted(found)
        ]
        (LAYERS / layer / locked).write_text(_LOCK_HEAD.format(asked) + "".join(lines))


def _digest(layer: str) -> str:
    """Changes with the lock and with the way of packing."""
    files = [*(LAYERS / layer).glob("lock*.txt"), *Path(__file__).parent.glob("*.py")]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in sorted(files))).hexdigest()[:16]


def _pip(*arguments: str) -> str:
    """Run pip; its standard output.

    Raises:
        PackingError: it failed; the message ends with pip's own last error.
    """
    command: Sequence[str] = (
        *(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "--retries=2"),
        *arguments,
    )
    # pyvips would otherwise compile itself against a libvips of this machine, if there is one.
    environment = {**os.environ, "PKG_CONFIG": "false"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode == 0:
        return result.stdout
    errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR:")]
    said = (errors or result.stderr.splitlines() or ["nothing"])[-1].removeprefix("ERROR: ")
    if "NewConnectionError" in result.stderr or "NameResolutionError" in result.stderr:
        raise PackingError("the package index cannot be reached → with a network connection, run it again")
    raise PackingError(f"pip failed: {said} → run it again with a network connection, or `make lock` for new versions")
