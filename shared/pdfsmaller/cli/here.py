"""Jobs done on this machine: one engine process for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdfsmaller import sandbox
from pdfsmaller.errors import InvalidOption
from pdfsmaller.limits import Limits
from pdfsmaller.operations import OperationSpec

if TYPE_CHECKING:
    from pdfsmaller.engine.inputs import InputFile
    from pdfsmaller.engine.options import Options
    from pdfsmaller.engine.report import BaseReport
    from pdfsmaller.engine.results import Done, Progress


class _Here:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def run(
        self, operation: OperationSpec, sources: Sequence[InputFile], folder: Path, options: Options, progress: Progress
    ) -> Done[BaseReport]:
        return sandbox.run(operation, sources, folder, options, self._limits, progress)


def run(operation: OperationSpec, *, inputs: Sequence[str], **given: Any) -> int:
    """Do an operation here; the exit code. ``given``: the command's parameters."""
    # Before there are threads, and before what follows: the child loads what it needs while this process does.
    sandbox.branch(len(inputs) if operation.each_alone else 1)
    from pdfsmaller.cli import errors
    from pdfsmaller.cli.bounds import LIMITS, limits_from
    from pdfsmaller.cli.run import run_operation

    limits = {name: given.pop(name) for name in LIMITS}
    try:
        engine = _Here(limits_from(**limits))
    except InvalidOption as exc:
        errors.complain(errors.describe(exc))
        return errors.exit_code(exc)
    return run_operation(engine, operation, inputs=inputs, **given)
