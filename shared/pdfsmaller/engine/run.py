"""What all steps of one call of an operation share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Generic, TypeVar

from pdfsmaller.engine.clock import Deadline, Stopwatch
from pdfsmaller.engine.report import ReportWarning
from pdfsmaller.engine.results import Progress
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

O = TypeVar("O")  # noqa: E741 - the class of its options


@record()
class Run(Generic[O]):
    """One call of an operation.

    Attributes:
        options, limits: as they were given.
        progress: told a stage's name and a percentage from 0 to 100 of the whole.
        deadline: after it only what must be is begun.
        watch: seconds of each stage, for the report.
        warnings: for the report.
    """

    options: O
    limits: Limits
    progress: Progress
    deadline: Deadline
    watch: Stopwatch = field(default_factory=Stopwatch)
    warnings: list[ReportWarning] = field(default_factory=list)

    def warn(self, code: str, message: str) -> None:
        """Say something in the report, every time that it happens."""
        self.warnings.append(ReportWarning(code=code, message=message))

    def warn_once(self, code: str, message: str) -> None:
        """Say something in the report that holds of the whole, however often it is found."""
        if ReportWarning(code=code, message=message) not in self.warnings:
            self.warn(code, message)

    def warned_of(self) -> set[str]:
        """The codes of all warnings so far."""
        return {warning.code for warning in self.warnings}


def begin(
    options: O,
    limits: Limits | None,
    progress: Progress | None,
    *,
    reserved: float = 0.0,
    begins: Callable[[str], None] = lambda _stage: None,
) -> Run[O]:
    """A run that begins now.

    Args:
        limits, progress: by default the usual ones, and nobody.
        reserved: so many seconds of the soft limit are for what comes after the deadline.
        begins: told the name of each stage that begins.
    """
    limits = limits or Limits()
    progress = progress or (lambda _stage, _percent, _pages=None: None)
    return Run(options, limits, progress, Deadline(limits.soft_seconds - reserved), Stopwatch(begins))
