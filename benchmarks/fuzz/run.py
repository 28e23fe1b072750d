"""One damaged document through the engine, as the service runs it, and what that says of the engine."""

from __future__ import annotations

import logging
import random
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf

from pdfsmaller import errors, sandbox
from pdfsmaller.engine import damage
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.limits import Limits

#: Damage must not make a small document slow; what the soft limit leaves is for opening, comparing and a busy machine.
LIMITS = Limits(soft_seconds=10, hard_seconds=60)
_RAISED = re.compile(r"^([\w.]*(?:Error|Exception|Interrupt))\b", re.MULTILINE)
_FRAME = re.compile(r'File "[^"]*/(\w+/\w+\.py)", line (\d+), in (\w+)')


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case.

    Attributes:
        kind: ``compressed``, ``unchanged``, ``target_not_met``, or an error's code; where ``fault`` is True one of
            ``crash`` (the process died), ``unforeseen`` (an exception that nobody expected), ``mistake`` (one of the
            engine's own, which it tolerated), ``hang`` (the hard time limit), ``memory`` (the memory limit),
            ``grown``, ``unreadable`` (the result does not open), ``pages`` (it has others than the report says).
        where: where an unforeseen exception came from, or what was said: equal faults have it in common.
        said: the engine's standard error.
    """

    kind: str
    fault: bool = False
    where: str = ""
    said: str = ""


def options(rng: random.Random) -> dict[str, Any]:
    """Options by lot."""
    drawn: dict[str, Any] = {"preset": rng.choice(("lossless", "ebook", "ebook", "screen", "printer", "scan"))}
    if rng.random() < 0.1 and drawn["preset"] != "lossless":
        drawn["color_mode"] = rng.choice(("grayscale", "bilevel"))
    if rng.random() < 0.1 and drawn["preset"] != "lossless":
        drawn["target_size"] = rng.choice((5_000, 50_000, 500_000))
    if rng.random() < 0.1:
        drawn["linearize"] = True
    if rng.random() < 0.1:
        drawn["strip_metadata"] = True
    if rng.random() < 0.1:
        drawn["verify"] = rng.choice(("off", "full"))
    if rng.random() < 0.1:
        drawn["effort"] = "fast"
    return drawn


def outcome(source: Path, target: Path, given: dict[str, Any], limits: Limits = LIMITS) -> Outcome:
    """Run a case."""
    target.unlink(missing_ok=True)
    with _standard_error() as said:
        try:
            report = sandbox.run_compress(source, target, CompressOptions.parse(given), limits)
        except (errors.WorkerCrashed, errors.EngineFailed) as exc:
            kind = "crash" if isinstance(exc, errors.WorkerCrashed) else "unforeseen"
            return Outcome(kind, True, _where(said) or str(exc), "\n".join(said))
        except errors.LimitExceeded as exc:
            fault = {"hard_seconds": "hang", "memory_bytes": "memory"}.get(exc.limit)
            return Outcome(fault or exc.code, fault is not None, exc.limit, "\n".join(said))
        except errors.PdfSmallerError as exc:
            return Outcome(exc.code)
    if any(damage.MISTAKE in text for text in said):
        return Outcome("mistake", True, _where(said), "\n".join(said))
    codes = {warning.code for warning in report.warnings}
    if "left_alone" in codes:
        return Outcome("unforeseen", True, _where(said), "\n".join(said))
    if target.stat().st_size > source.stat().st_size or target.stat().st_size != report.output_bytes:
        return Outcome("grown", True)
    if report.outcome != "unchanged":
        try:
            with pikepdf.open(target, password=given.get("password", "")) as pdf:
                if len(pdf.pages) != report.pages:
                    return Outcome("pages", True)
        except pikepdf.PdfError as exc:
            return Outcome("unreadable", True, str(exc))
    return Outcome(report.outcome)


def _where(said: list[str]) -> str:
    """The innermost frames of the engine in the last traceback, without line numbers, and the exception."""
    text = "\n".join(said)
    frames = [f"{match[1]}:{match[3]}" for match in _FRAME.finditer(text)]
    return " < ".join([*_RAISED.findall(text)[-1:], *reversed(frames[-3:])])


@contextmanager
def _standard_error() -> Iterator[list[str]]:
    """What the engine's child of this thread says on standard error."""
    said: list[str] = []
    me = threading.get_ident()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == me:
                said.append(record.getMessage())

    logger, handler = logging.getLogger(sandbox.__name__), Handler()
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
