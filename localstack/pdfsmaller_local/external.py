"""``EMULATOR=external``: anything that already answers at ``AWS_ENDPOINT_URL``. It is neither started nor stopped."""

from __future__ import annotations

import urllib.error
import urllib.request

from pdfsmaller_local.config import Config
from pdfsmaller_local.problems import Problem
from pdfsmaller_local.processes import wait_until

_READY_SECONDS = 10


class External:
    """An emulator that somebody else runs."""

    def __init__(self, config: Config) -> None:
        self.endpoint = config.endpoint

    def start(self) -> None:
        if not self.endpoint:
            raise Problem(
                "EMULATOR=external needs to know where the emulator is.",
                "Set AWS_ENDPOINT_URL, for example http://localhost:4566. (To AWS: sam build && sam deploy --guided.)",
            )

    def wait_ready(self) -> None:
        if not wait_until(self._answers, _READY_SECONDS, 0.5):
            raise Problem(f"Nothing answers at {self.endpoint}.", "Start it there, or correct AWS_ENDPOINT_URL.")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.endpoint, timeout=2):
                return True
        except urllib.error.HTTPError:
            return True  # it refuses, so it is there
        except OSError:
            return False

    def failure(self) -> str | None:
        return None

    def stop(self) -> None:
        """It goes on."""

    def reset(self) -> None:
        raise Problem("What another program stores is not ours to delete.", "Reset the emulator where it was started.")
