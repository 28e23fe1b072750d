"""The commands: one for each operation, here and at a service elsewhere (``remote``), ``inspect``, and those that run
the service. What they do is in ``here``, ``remote``, ``inspect`` and ``service``, of which as much as possible is
imported when they run.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import typer

from pdfsmaller import __version__
from pdfsmaller.cli import admin, arguments, backfill, doctor, keys, service
from pdfsmaller.cli.errors import complain
from pdfsmaller.engine.options import InspectOptions
from pdfsmaller.errors import ExitCode
from pdfsmaller.operations import OPERATIONS, OperationSpec

_EXIT_CODES = (
    "Exit codes: 0 done; 1 something unexpected; 2 wrong usage, option or page range; "
    "3 not a PDF or image, empty or broken beyond repair; "
    "4 password needed or wrong; 5 over a limit; 6 target size out of reach (the smallest file was written); "
    "7 a file cannot be read or written; 130 stopped. Several inputs of compress: that of the first failure."
)
#: The base of typer's own complaints about arguments (typer carries its click inside, under changing names).
_UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")

app = typer.Typer(
    name="pdfsmaller",
    help="The smallest PDF that still looks, reads and works like the original.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(arguments: list[str] | None) -> int:
    """Parse, run, and return the exit code. Wrong usage is said in one line."""
    try:
        code = app(args=arguments, prog_name="pdfsmaller", standalone_mode=False)
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except typer.Exit as exc:
        return exc.exit_code
    except _UsageError as exc:
        if type(exc).__name__ == "NoArgsIsHelpError":
            typer.echo(exc.ctx.get_help())
            return ExitCode.USAGE
        where = exc.ctx.command_path if exc.ctx else "pdfsmaller"
        complain(f"{exc.format_message()} See {where} --help.")
        return ExitCode.USAGE
    return code if isinstance(code, int) else ExitCode.OK


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pdfsmaller {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    env_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="PDFSMALLER_ENV_FILE",
            help="Settings, in lines of NAME=value, for the commands that run a service. The environment goes before.",
        ),
    ] = None,
) -> None:
    """The smallest PDF that still looks, reads and works like the original."""
    if env_file:
        service.use_env_file(env_file)


def _add(
    name: str, about: str, parameters: list[Parameter], function: Callable[..., int], to: typer.Typer = app
) -> None:
    """Make a command that calls ``function`` with ``parameters`` as keywords."""
    command = arguments.command(about, parameters, function)
    to.command(name, epilog=_EXIT_CODES, no_args_is_help=bool(parameters))(command)


def _here(operation: OperationSpec) -> Callable[..., int]:
    def command(**given: Any) -> int:
        from pdfsmaller.cli.here import run

        return run(operation, **given)

    return command


def _elsewhere(what: str, *arguments: Any) -> Callable[..., int]:
    """A function of ``remote``, if what it needs is installed."""

    def command(**given: Any) -> int:
        try:
            from pdfsmaller.cli import remote
        except ModuleNotFoundError:
            complain("This command needs more than the engine. Install it with: pip install 'pdfsmaller[remote]'")
            return ExitCode.USAGE
        function: Callable[..., int] = getattr(remote, what)
        return function(*arguments, **given)

    return command


def _inspect(source: Path, password_file: Path | None, as_json: bool) -> int:
    from pdfsmaller.cli.inspect import inspect_file

    return inspect_file(source, password_file=password_file, as_json=as_json)


_remote = typer.Typer(help="Have a service that runs elsewhere do it.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(_remote, name="remote")
_JOB = Parameter("job", Parameter.KEYWORD_ONLY, annotation=arguments.JobId)

for _operation in OPERATIONS.values():
    _name, _about = _operation.command, _operation.summary
    _add(_name, _about, arguments.parameters(_operation, arguments.LIMITS), _here(_operation))
    _add(_name, _about, arguments.parameters(_operation, arguments.JOB_SERVICE), _elsewhere("run", _operation), _remote)
for _name, _about, _parameters in (
    ("status", "Show how a job stands, as JSON.", [_JOB]),
    ("download", "Write a job's result into a file, once it is there.", [_JOB, arguments.OUTPUT]),
    ("cancel", "Stop a job and delete its files.", [_JOB]),
    ("delete", "Delete a job's files now.", [_JOB]),
    ("jobs", "List the API key's jobs, newest first, a line of JSON for each.", []),
    ("health", "Show how the service is, as JSON.", []),
):
    _add(_name, _about, [*_parameters, *arguments.named(arguments.SERVICE)], _elsewhere(_name), _remote)
_add(
    "inspect",
    "Show where a PDF's bytes are: images, fonts, content, metadata, attachments, structure.",
    [
        Parameter(
            "source",
            Parameter.KEYWORD_ONLY,
            annotation=Annotated[Path, typer.Argument(metavar="IN", help="The PDF to look into.")],
        ),
        *arguments.of_options(InspectOptions),
        Parameter(
            "as_json",
            Parameter.KEYWORD_ONLY,
            annotation=Annotated[bool, typer.Option("--json", help="Print everything as JSON.")],
            default=False,
        ),
    ],
    _inspect,
)
_webhooks = typer.Typer(help="What receivers of callbacks need.", no_args_is_help=True, rich_markup_mode=None)
_webhooks.command("secret", epilog=service.EXIT_CODES)(service.webhook_secret)
app.add_typer(_webhooks, name="webhooks")
for _command in (service.serve, service.worker, service.cleanup):
    app.command(epilog=service.EXIT_CODES)(_command)
app.command(epilog=doctor.EPILOG)(doctor.doctor)
app.add_typer(keys.app, name="keys")
admin.app.add_typer(backfill.app, name="backfill")
app.add_typer(admin.app, name="admin")
