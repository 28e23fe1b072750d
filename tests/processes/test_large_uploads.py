"""Large files pass through ``serve`` without its memory growing with them, by a form and in parts."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.processes.served import Served

#: What a web process may take more of for a file, whatever its size.
_GROWTH_BYTES = 40_000_000
_HEAD = b"%PDF-1.7\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = Served(
        tmp_path_factory.mktemp("large") / "data", "--workers", 1, MAX_FILE_SIZE="600MB", MAX_REQUEST_SIZE="600MB"
    )
    for _ in range(4):  # what is loaded once is loaded
        requests.post(f"{one.url}/api/uploads", json={"name": "a.pdf"}, timeout=30)
        one.post(_HEAD)
    yield one
    one.stop()


class Body(io.RawIOBase):
    """``head``, so many zeros, ``tail``: nobody holds them, and their length is known."""

    def __init__(self, head: bytes, zeros: int, tail: bytes = b"") -> None:
        self._head, self._zeros, self._tail = head, zeros, tail
        self._length = len(head) + zeros + len(tail)

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        if self._head:
            given, self._head = self._head, b""
        elif self._zeros:
            given = bytes(min(self._zeros, 1 << 16))
            self._zeros -= len(given)
        else:
            given, self._tail = self._tail, b""
        return given


def most_memory(served: Served) -> dict[int, int]:
    """The most that each of the service's processes has ever held, in bytes."""
    found: dict[int, int] = {}
    above = [served.process.pid]
    while above:
        pid = above.pop()
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError:
            continue
        if "VmHWM:" not in status:
            continue  # it has ended, and nobody has asked for its exit code yet
        found[pid] = 1_024 * int(status.partition("VmHWM:")[2].split()[0])
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
        above += map(int, listed.stdout.split())
    return found


def by_form(served: Served, size: int) -> dict[str, Any]:
    boundary = "x" * 30
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n'.encode() + _HEAD
    body = Body(head, size - len(_HEAD), f"\r\n--{boundary}--\r\n".encode())
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": "application/json"}
    answer = requests.post(f"{served.url}/api/compress", data=body, headers=headers, timeout=600)  # type: ignore[arg-type]
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def in_parts(served: Served, size: int) -> dict[str, Any]:
    begun = requests.post(f"{served.url}/api/uploads", json={"name": "a.pdf", "size": size}, timeout=30).json()
    several = begun["uploads"][0]["multipart"]
    for part in several["parts"]:
        head = _HEAD if part["number"] == 1 else b""
        body: Any = Body(head, part["bytes"] - len(head))
        assert requests.put(part["url"], data=body, timeout=600).status_code == 200
    return dict(requests.post(several["complete_url"], timeout=60).json())


@pytest.mark.parametrize("send", [by_form, in_parts])
@pytest.mark.parametrize("size", [100_000_000, pytest.param(500_000_000, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_a_file(served: Served, send: Any, size: int) -> None:
    before = most_memory(served)
    job = send(served, size)
    after = most_memory(served)
    assert job["inputs"] == [{"name": "a.pdf", "bytes": size}]
    assert (
        requests.delete(job["links"]["self"], timeout=60).status_code == 204
    )  # what it says is nobody's question here
    stayed = before.keys() & after.keys()
    assert len(stayed) >= 3
    assert max(after[pid] - before[pid] for pid in stayed) < _GROWTH_BYTES
