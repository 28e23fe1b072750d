"""A child process that runs one execution environment (``bootstrap.py``), seen from LocalStack's side.

Knows nothing of LocalStack. No thread watches the child between invocations, as Lambda too freezes an environment
then; what it printed meanwhile comes with the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_LOOK_SECONDS = 0.25


class TimedOut(Exception):
    """The child did not answer in time. It has been killed."""


class Died(Exception):
    """The child ended without an answer; the message says how, in Lambda's words."""


class Worker:
    """One child process.

    Attributes:
        most_memory: the most memory seen so far, of the child and its children together, in bytes.
    """

    def __init__(
        self,
        python: str,
        name: str,
        environ: Mapping[str, str],
        cwd: Path,
        memory_bytes: int,
        on_log: Callable[[bytes], None],
    ) -> None:
        """Start the child. Its handler is imported once ``receive`` has answered.

        Args:
            python: the interpreter.
            name: the function's name, which the process list shows.
            memory_bytes: above this the child is killed. Measured, not an address space limit: RLIMIT_AS would be
                inherited by the engine's process, which sets its own, and counts what was reserved and never used.
            on_log: called with whatever the child prints.
        """
        self.most_memory = 0
        self._memory_bytes = memory_bytes
        self._on_log = on_log
        self._answers = b""
        self._killed_for_memory = False
        requests, self._requests = os.pipe()
        self._responses, responses = os.pipe()
        self._process = subprocess.Popen(
            [python, str(_BOOTSTRAP), f"lambda-{name}", str(requests), str(responses)],
            env=dict(environ),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(requests, responses),
            start_new_session=True,
        )
        os.close(requests)
        os.close(responses)
        assert self._process.stdout
        self._log = self._process.stdout.fileno()
        os.set_blocking(self._log, False)
        self._poll = select.poll()  # not select(): LocalStack has more than 1,024 files open
        for number in (self._responses, self._log):
            self._poll.register(number, select.POLLIN)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, request: Mapping[str, Any]) -> None:
        """Begin an invocation. Raises Died where nobody is there to take it."""
        data = json.dumps(request).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._requests, data) :]
        except OSError:
            raise Died(self._how_it_ended()) from None

    def receive(self, seconds: float) -> dict[str, Any]:
        """The child's next answer, within ``seconds``.

        Raises:
            TimedOut: it did not come.
            Died: the child ended, or had to be killed for its memory.
        """
        deadline = time.monotonic() + seconds
        while b"\n" not in self._answers:
            left = deadline - time.monotonic()
            if left <= 0:
                self.kill()
                self._take_log()
                raise TimedOut
            ready = {number for number, _ in self._poll.poll(min(left, _LOOK_SECONDS) * 1000)}
            if self._log in ready and not self._take_log():
                self._poll.unregister(self._log)  # closed; the end of the other pipe says the rest
            if self._responses in ready:
                data = os.read(self._responses, 1 << 20)
                if not data:
                    self._take_log()
                    raise Died(self._how_it_ended())
                self._answers += data
            self._look_at_memory()
        self._take_log()
        line, _, self._answers = self._answers.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _take_log(self) -> bool:
        taken = False
        with contextlib.suppress(BlockingIOError, OSError):
            while data := os.read(self._log, 1 << 16):
                self._on_log(data)
                taken = True
        return taken

    def _look_at_memory(self) -> None:
        size = 0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                size += _memory(process)
        self.most_memory = max(self.most_memory, size)
        if size > self._memory_bytes:
            self._killed_for_memory = True
            self.kill()

    def _family(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self._process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.Error:
            return []

    def _how_it_ended(self) -> str:
        self.kill()
        code = self._process.returncode
        if self._killed_for_memory:
            return "Runtime exited with error: signal: killed"
        if code < 0:
            return f"Runtime exited with error: signal: {(signal.strsignal(-code) or str(-code)).lower()}"
        if code == 0:
            return "Runtime exited without providing a reason"
        return f"Runtime exited with error: exit status {code}"

    def kill(self) -> None:
        """End the child and all it started, the engine's process too, which has a session of its own."""
        for process in self._family() if self.alive else []:
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1 if self._process.returncode is None else 0)

    def close(self) -> None:
        """End the child and give back its pipes. No other call may follow."""
        self.kill()
        for number in (self._requests, self._responses):
            with contextlib.suppress(OSError):
                os.close(number)
        assert self._process.stdout
        self._process.stdout.close()


def _memory(process: psutil.Process) -> int:
    """What a process adds to the memory of its machine, in bytes: of what forked processes share, its part (PSS).

    Raises:
        psutil.Error: it is gone.
    """
    try:
        with Path(f"/proc/{process.pid}/smaps_rollup").open() as lines:
            return 1_024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except OSError:
        # Not Linux, or it hides from others of its user, as those do that hold credentials or fork engine processes.
        resident: int = process.memory_info().rss
        return resident
