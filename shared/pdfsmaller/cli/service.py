"""``serve``, ``worker`` and ``cleanup``: the service on a server of one's own. Only these need the ``server`` extra."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from pdfsmaller import env_file
from pdfsmaller.cli.errors import complain, describe
from pdfsmaller.cli.show import say
from pdfsmaller.errors import ExitCode, PdfSmallerError

EXIT_CODES = (
    "Exit codes: 0 stopped as it was told to; 1 something unexpected; 2 wrong usage or settings; 7 it cannot start as "
    "it is set up."
)
_EXTRA_MISSING = "This command needs more than the engine. Install it with: pip install 'pdfsmaller[server]'"

Data = Annotated[
    Path, typer.Option(metavar="DIR", help="Where everything is kept: database, files, secret key, inbox and results.")
]
SameData = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The folder of the `serve` beside; without it DATABASE_URL and STORAGE_URL."),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, max=256, metavar="N", help="Jobs that run at a time. Else WORKER_CONCURRENCY, or one a processor."
    ),
]


def use_env_file(path: Path) -> None:
    """Put the settings in a file into the environment of the command that follows."""
    try:
        env_file.use(path)
    except ModuleNotFoundError:
        complain(_EXTRA_MISSING)
    except PdfSmallerError as exc:
        complain(describe(exc))
        raise typer.Exit(exc.exit_code) from None
    else:
        return
    raise typer.Exit(ExitCode.USAGE)


def serve(
    host: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for all. Else HOST, or 127.0.0.1."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, metavar="PORT", help="Port; 0 for any free one. Else PORT, or 8080."),
    ] = None,
    data: Data = Path("pdfsmaller-data"),
    workers: Workers = None,
    open_to_all: Annotated[
        bool, typer.Option("--open", help="Serve everybody who reaches ADDRESS, without API keys.")
    ] = False,
) -> int:
    """Run the whole service on this machine: web page, API, workers, watched folder."""
    return _run("serve", host=host, port=port, data=data, workers=workers, open_to_all=open_to_all, say=say)


def worker(data: SameData = None, workers: Workers = None) -> int:
    """Run workers alone, on this host or on another one beside `serve`."""
    return _run("work", data=data, workers=workers, say=say)


def cleanup(
    data: SameData = None,
    every: Annotated[
        int | None,
        typer.Option(min=1, metavar="SECONDS", help="Go on, so often, and tell callbacks as they are due."),
    ] = None,
) -> int:
    """Clean up once, for a timer: delete what is over its time, announce what was forgotten."""
    if every:
        return _run("keep_clean", data=data, every_seconds=every)
    return _run("clean_up", data=data)


def webhook_secret(
    data: SameData = None,
    owner: Annotated[
        str | None, typer.Option("--key", metavar="ID", help="The API key's id; without it, callers that have none.")
    ] = None,
) -> int:
    """Show the secret by which a receiver knows that callbacks are from this service."""
    return _run("webhook_secret", data=data, owner=owner, say=say)


def _run(name: str, **given: Any) -> int:
    try:
        from pdfsmaller.processes import commands
    except ModuleNotFoundError:
        complain(_EXTRA_MISSING)
        return ExitCode.USAGE
    command: Callable[..., object] = getattr(commands, name)
    try:
        command(**given)
    except PdfSmallerError as exc:
        complain(describe(exc))
        return exc.exit_code
    return ExitCode.OK
