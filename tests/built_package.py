"""What ``make build`` made, run as Lambda would run it: by a Python 3.13 that has nothing but the package."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from layers.packing.pack import PYTHON_VARIABLE
from layers.packing.sizes import FUNCTIONS
from pdfsmaller.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
RUNTIME = ROOT / "tests" / "lambda_runtime.py"
BUILDS = {"x86_64": ROOT / ".aws-sam" / "build", "arm64": ROOT / ".aws-sam" / "build-arm64"}


def python_313() -> str | None:
    """An interpreter of Lambda's version: PYTHON313, else python3.13; None where there is none."""
    python = os.environ.get(PYTHON_VARIABLE) or shutil.which("python3.13")
    if not python:
        return None
    code = "import sys, venv; print(sys.version_info[:2] == (3, 13))"
    try:
        shown = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return python if shown.stdout.strip() == "True" else None


def clean_python(python: str, folder: Path) -> Path:
    """An environment of that interpreter without a single package."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin" / "python"


def build(arch: str) -> Path:
    """The build of the sources as they are, made by ``make build`` unless it is there already.

    Raises:
        RuntimeError: it failed, with what it said.
    """
    (ROOT / ".aws-sam").mkdir(exist_ok=True)
    with (ROOT / ".aws-sam" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        if _is_fresh(BUILDS[arch]):
            return BUILDS[arch]
        done = subprocess.run(
            ["make", "build", f"ARCH={arch}"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
        )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return BUILDS[arch]


def _is_fresh(build: Path) -> bool:
    """Whether nothing that goes into a build changed since; its template is what is written last."""
    template = build / "template.yaml"
    if not template.exists():
        return False
    sources = [ROOT / "template.yaml", ROOT / "samconfig.toml"]
    for folder in ("layers", "functions", "shared"):
        sources += [path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return template.stat().st_mtime > max(path.stat().st_mtime for path in sources)


def function_environment(settings: Settings, address: str) -> dict[str, str]:
    """What a function is told of a stack, and of the AWS that answers at an address."""
    names = ("uploads_bucket", "results_bucket", "compress_queue_url", "dead_letter_queue_url", "jobs_table")
    return {
        **{name.upper(): str(getattr(settings, name)) for name in names},
        "SECRET_KEY": settings.secret_key,
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


class BuiltFunction:
    """A started function. ``upload``, ``compress`` or ``cleanup``; ``with`` ends it."""

    def __init__(self, name: str, build: Path, python: Path, environment: dict[str, str]) -> None:
        resource = f"{name.capitalize()}Function"
        build = build.resolve()
        code = [build / resource, *(build / layer / "python" for layer in FUNCTIONS[resource])]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the function
        self._process = subprocess.Popen(
            [str(python), str(RUNTIME), f"{name}.main.lambda_handler"],
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": os.pathsep.join(map(str, code)),
                "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's disk is read-only
                "AWS_LAMBDA_FUNCTION_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": "PdfSmaller",
                **environment,
            },
            cwd=build / resource,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()

    def wait_until_ready(self) -> None:
        """Return once the handler is imported."""
        assert self._line() == {"ready": True}

    def invoke(self, event: dict[str, Any]) -> Any:
        """The handler's answer.

        Raises:
            RuntimeError: the handler failed, with its traceback.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        said = self._line()
        if "error" in said:
            raise RuntimeError(said["error"])
        return said["answer"]

    def imported(self) -> list[Path]:
        """End the function; every file that it had imported."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return [Path(file) for file in self._line()["files"]]

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._said.seek(0)
            raise RuntimeError(f"the function ended: {self._said.read().decode(errors='replace')[-4_000:]}")
        return dict(json.loads(line))
