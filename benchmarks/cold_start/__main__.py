"""Cold starts of the built package: ``python -m benchmarks.cold_start --build .aws-sam/build [--out DIR]``.

Every figure is the median of ``--runs`` fresh processes of a Python 3.13 that has nothing but the package, with moto's
server as AWS. *Start*: seconds until the handler is imported, which is what Lambda calls the init. *First answer*:
until its first event is answered too: upload takes a small PDF, compress makes one smaller, cleanup finds nothing.
The floor is an interpreter that imports nothing. Downloading and unpacking the package, which Lambda does besides, is
not in it; the disk's cache is warm.

Writes ``cold_start.md`` into ``--out``.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from moto.server import ThreadedMotoServer

from layers.packing.sizes import FUNCTIONS, measured
from tests import documents
from tests.aws_stack import Clock, Stack, made_resources
from tests.built_package import BuiltFunction, clean_python, function_environment, python_313
from tests.functions.test_entry_points import EVENTS, function_url_event, sqs_event

RESULTS = Path(__file__).parent / "results"
#: What is aimed at for the first answer, in seconds.
AIMS = {"upload": 1.0, "compress": 1.5}


def first_event(name: str, stack: Stack, pdf: bytes) -> dict[str, Any]:
    """The event that a function is measured with."""
    if name == "upload":
        head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n'
        body = head + pdf + b"\r\n--x--\r\n"
        headers = {"content-type": "multipart/form-data; boundary=x", "content-length": str(len(body))}
        return function_url_event("POST", "/api/compress", body, headers)
    if name == "compress":
        stack.drop("inbox/a.pdf", pdf)
        return sqs_event(stack, stack.event("inbox/a.pdf"))
    return dict(json.loads((EVENTS / "schedule.json").read_text()))


def cold_start(name: str, build: Path, python: Path, address: str, pdf: bytes) -> tuple[float, float]:
    """Seconds until ready and until the first answer, of one process."""
    stack = made_resources(Clock())
    event = first_event(name, stack, pdf)
    environment = function_environment(stack.settings, address)
    begun = time.perf_counter()
    with BuiltFunction(name, build, python, environment) as function:
        function.wait_until_ready()
        ready = time.perf_counter() - begun
        answer = function.invoke(event)
        answered = time.perf_counter() - begun
    good = answer.get("statusCode", 202) == 202 and not answer.get("batchItemFailures")
    assert good, answer
    return ready, answered


def floor(python: Path) -> float:
    """Seconds of an interpreter that imports nothing."""
    begun = time.perf_counter()
    subprocess.run([str(python), "-c", ""], check=True)
    return time.perf_counter() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path(".aws-sam/build"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    found = python_313()
    if found is None:
        print("error: there is no Python 3.13 here → install one, or name it in PYTHON313", file=sys.stderr)
        return 1
    sizes = measured(given.build)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://127.0.0.1:{1}".format(*server.get_host_and_port())
    names = {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    os.environ.update(names | {"AWS_DEFAULT_REGION": "us-east-1"})
    pdf = documents.photo_jpeg(600, 450)
    lines = [
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, seconds, median of {given.runs} runs.",
        "",
        "| function | unzipped MB with layers | start | first answer | aim |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        python = clean_python(found, Path(folder, "venv"))
        alone = statistics.median(floor(python) for _ in range(given.runs))
        lines.append(f"| (interpreter alone) | | {alone:.2f} | | |")
        for resource, layers in FUNCTIONS.items():
            name = resource.removesuffix("Function").lower()
            cold_start(name, given.build, python, address, pdf)  # warms the disk's cache
            figures = [cold_start(name, given.build, python, address, pdf) for _ in range(given.runs)]
            ready, answered = (statistics.median(column) for column in zip(*figures, strict=True))
            megabytes = sum(sizes[part].unzipped for part in (resource, *layers)) / 1e6
            aim = AIMS.get(name, "")
            lines.append(f"| {name} | {megabytes:.1f} | {ready:.2f} | {answered:.2f} | {aim} |")
    server.stop()
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "cold_start.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
