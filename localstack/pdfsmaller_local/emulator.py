"""The emulator of AWS behind a local stack, as one small interface. ``EMULATOR`` chooses.

Everything else (deployment, web server, tests) knows only ``endpoint``.
"""

from __future__ import annotations

from typing import Protocol

from pdfsmaller_local.config import Config
from pdfsmaller_local.problems import Problem


class Emulator(Protocol):
    """What a local stack asks of an emulator."""

    endpoint: str

    def start(self) -> None:
        """Begin to start. Raises Problem where it cannot."""

    def wait_ready(self) -> None:
        """Return once it answers. Raises Problem where it does not."""

    def failure(self) -> str | None:
        """Why it has ended by itself, or None while it runs."""

    def stop(self) -> None:
        """Stop it and all it started; what it stored stays."""

    def reset(self) -> None:
        """Delete what a stopped emulator has stored."""


def choose(config: Config) -> Emulator:
    """The emulator that the configuration names.

    Raises:
        Problem: there is none of that name.
    """
    from pdfsmaller_local import external, localstack, localstack_docker, ministack

    kinds: dict[str, type[Emulator]] = {
        "external": external.External,
        "localstack": localstack.LocalStack,
        "localstack-docker": localstack_docker.LocalStackDocker,
        "ministack": ministack.MiniStack,
    }
    if config.emulator not in kinds:
        raise Problem(f"There is no emulator {config.emulator!r}.", f"Set EMULATOR to {', '.join(kinds)}.")
    return kinds[config.emulator](config)  # type: ignore[call-arg]
