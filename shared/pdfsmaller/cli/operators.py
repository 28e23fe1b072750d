"""What the commands for operators share: options, and how they begin and end. Only these need the service's extras."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from pdfsmaller.cli.errors import complain, describe
from pdfsmaller.errors import ExitCode, PdfSmallerError

EXTRA_MISSING = (
    "This command needs more than the engine. Install it with: pip install 'pdfsmaller[server]' (for a service on AWS: "
    "'pdfsmaller[service]')"
)

AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The folder of a `serve`. Without it the store that the environment names: DATABASE_URL and STORAGE_URL, "
        "or JOBS_TABLE on AWS.",
    ),
]


def run_with(load: Callable[[], Any], run: Callable[[Any], int | None]) -> int:
    """Run with a module that may not be installed; the exit code. What goes wrong is said in one line.

    Args:
        load: imports the module.
    """
    try:
        module = load()
    except ModuleNotFoundError:
        complain(EXTRA_MISSING)
        return ExitCode.USAGE
    try:
        return run(module) or ExitCode.OK
    except PdfSmallerError as exc:
        complain(describe(exc))
        return exc.exit_code
    except Exception as exc:
        if type(exc).__module__.partition(".")[0] != "botocore":
            raise
        complain(str(exc))  # which says what was refused, and on which table, queue or bucket
        return ExitCode.FILE
