"""What an operation hands back: the files that it made, and its report.

Every operation of the engine has one entry point of this form, which the child process calls (``engine.child``)::

    def run(
        sources: Sequence[InputFile], folder: Path, options: …, *, limits: Limits, progress: Progress
    ) -> Done

``folder`` is the job's own: results are written there, and nowhere else. What is wrong with a document or an option is
raised as one of ``pdfsmaller.errors``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pdfsmaller.engine.report import Reported
from pdfsmaller.media import PDF
from pdfsmaller.records import record


class Progress(Protocol):
    """Told now and then how far a job is."""

    def __call__(self, stage: str, percent: float, pages: tuple[int, int] | None = None, /) -> None:
        """
        Args:
            stage: what is being done.
            percent: how much of the whole job's time is behind, 0-100.
            pages: how many are done, of how many; None where nobody counts.
        """


#: What an operation says of its work: a model that has ``bounds``, for the child process to say what bound it.
ReportT = TypeVar("ReportT", bound=Reported, covariant=True)


@record(frozen=True)
class ResultFile:
    """One file that an operation made.

    Attributes:
        path: where it lies, in the job's folder.
        name: what to call it beside the operation's other results, without a folder.
        media_type: its kind (RFC 2046).
    """

    path: Path
    name: str
    media_type: str = PDF


@record(frozen=True)
class Done(Generic[ReportT]):
    """What an operation made, in order, and what it says of its work."""

    report: ReportT
    files: tuple[ResultFile, ...]
