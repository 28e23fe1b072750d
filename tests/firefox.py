"""Firefox as its tests drive it: over WebDriver BiDi, which Firefox itself speaks, so that no driver stands between.

https://w3c.github.io/webdriver-bidi/
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
_LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
_PATIENCE_SECONDS = 60.0


@contextmanager
def firefox(folder: Path) -> Iterator[Page]:
    """A page in a Firefox of the test's own, whose profile lies in ``folder``."""
    assert FIREFOX
    profile, log = folder / "profile", folder / "firefox.log"
    profile.mkdir()
    arguments = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    with log.open("wb") as output:
        browser = subprocess.Popen(
            arguments, stdout=output, stderr=output, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}
        )
    try:
        with connect(f"{_address(log)}/session", max_size=None) as socket:
            yield Page(socket)
    finally:
        browser.send_signal(signal.SIGKILL)
        browser.wait()


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self._ask("session.new", {"capabilities": {}})
        self._tab = self._ask("browsingContext.getTree", {})["contexts"][0]["context"]

    def open(self, address: str) -> None:
        """Go there; done once all of it is loaded."""
        self._ask("browsingContext.navigate", {"context": self._tab, "url": address, "wait": "complete"})

    def run(self, script: str) -> Any:
        """The value of an expression in the page: text, a number, or a truth."""
        result = self._ask(
            "script.evaluate", {"expression": script, "target": {"context": self._tab}, "awaitPromise": True}
        )
        assert result["type"] == "success", result
        return result["result"].get("value")

    def until(self, script: str, seconds: float = _PATIENCE_SECONDS) -> Any:
        """The value of an expression once it is true."""
        end = time.monotonic() + seconds
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"never true: {script}\n{self.run('document.body.innerText')}"
            time.sleep(0.2)
        return value

    def choose(self, selector: str, *files: Path) -> None:
        """Choose files in a file field, as a person does."""
        found = self._ask(
            "browsingContext.locateNodes", {"context": self._tab, "locator": {"type": "css", "value": selector}}
        )
        element = {"sharedId": found["nodes"][0]["sharedId"]}
        self._ask("input.setFiles", {"context": self._tab, "element": element, "files": [str(file) for file in files]})

    def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:  # events come in between
            answer = json.loads(self._socket.recv(_PATIENCE_SECONDS))
            if answer.get("id") == number:
                assert answer["type"] == "success", answer
                result: dict[str, Any] = answer["result"]
                return result


def _address(log: Path) -> str:
    """Where Firefox listens, once it says so."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        if found := _LISTENING.search(log.read_text(errors="replace")):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"Firefox did not come up: {log.read_text(errors='replace')[-2_000:]}")
