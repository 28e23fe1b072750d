"""The commands: one for each operation, here and at a service elsewhere (``remote``), ``inspect``, and those that run
the service. What they do is in ``here``, ``remote``, ``inspect`` and ``service``, of which as much as possible is
imported when they run. Each call makes the one command that it names: all of them take longer than a small job.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import typer

from pdfsmaller import __version__
from pdfsmaller.cli import arguments
from pdfsmaller.cli.errors import complain
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


def run(given: list[str]) -> int:
    """Parse, run, and return the exit code. Wrong usage is said in one line."""
    app = made(given[0] if given and given[0] in _COMMANDS else None)
    try:
        code = app(args=given, prog_name="pdfsmaller", standalone_mode=False)
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
        from pdfsmaller.cli.service import use_env_file

        use_env_file(env_file)


def _add(name: str, about: str, parameters: list[Parameter], function: Callable[..., int], to: typer.Typer) -> None:
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


def _add_here(app: typer.Typer, operation: OperationSpec) -> None:
    parameters = arguments.parameters(operation, arguments.LIMITS)
    _add(operation.command, operation.summary, parameters, _here(operation), app)


def _add_inspect(app: typer.Typer) -> None:
    from pdfsmaller.engine.options import InspectOptions

    source = Annotated[Path, typer.Argument(metavar="IN", help="The PDF to look into.")]
    as_json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
    parameters = [
        Parameter("source", Parameter.KEYWORD_ONLY, annotation=source),
        *arguments.of_options(InspectOptions),
        Parameter("as_json", Parameter.KEYWORD_ONLY, annotation=as_json, default=False),
    ]
    about = "Show where a PDF's bytes are: images, fonts, content, metadata, attachments, structure."
    _add("inspect", about, parameters, _inspect, app)


def _add_remote(app: typer.Typer) -> None:
    remote = typer.Typer(help="Have a service that runs elsewhere do it.", no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(remote, name="remote")
    for operation in OPERATIONS.values():
        parameters = arguments.parameters(operation, arguments.JOB_SERVICE)
        _add(operation.command, operation.summary, parameters, _elsewhere("run", operation), remote)
    job = Parameter("job", Parameter.KEYWORD_ONLY, annotation=arguments.JobId)
    for name, about, parameters in (
        ("status", "Show how a job stands, as JSON.", [job]),
        ("download", "Write a job's result into a file, once it is there.", [job, arguments.OUTPUT]),
        ("cancel", "Stop a job and delete its files.", [job]),
        ("delete", "Delete a job's files now.", [job]),
        ("jobs", "List the API key's jobs, newest first, a line of JSON for each.", []),
        ("health", "Show how the service is, as JSON.", []),
    ):
        _add(name, about, [*parameters, *arguments.named(arguments.SERVICE)], _elsewhere(name), remote)


def _add_webhooks(app: typer.Typer) -> None:
    from pdfsmaller.cli import service

    webhooks = typer.Typer(help="What receivers of callbacks need.", no_args_is_help=True, rich_markup_mode=None)
    webhooks.command("secret", epilog=service.EXIT_CODES)(service.webhook_secret)
    app.add_typer(webhooks, name="webhooks")


def _add_service(app: typer.Typer, name: str) -> None:
    from pdfsmaller.cli import service

    app.command(epilog=service.EXIT_CODES)(getattr(service, name))


def _add_doctor(app: typer.Typer) -> None:
    from pdfsmaller.cli import doctor

    app.command(epilog=doctor.EPILOG)(doctor.doctor)


def _add_keys(app: typer.Typer) -> None:
    from pdfsmaller.cli import keys

    app.add_typer(keys.app, name="keys")


def _add_admin(app: typer.Typer) -> None:
    from pdfsmaller.cli import admin, backfill

    if all(group.name != "backfill" for group in admin.app.registered_groups):
        admin.app.add_typer(backfill.app, name="backfill")
    app.add_typer(admin.app, name="admin")


#: What adds each command, in the order of the help.
_COMMANDS: dict[str, Callable[[typer.Typer], None]] = {
    **{operation.command: partial(_add_here, operation=operation) for operation in OPERATIONS.values()},
    "inspect": _add_inspect,
    "serve": partial(_add_service, name="serve"),
    "worker": partial(_add_service, name="worker"),
    "cleanup": partial(_add_service, name="cleanup"),
    "doctor": _add_doctor,
    "remote": _add_remote,
    "webhooks": _add_webhooks,
    "keys": _add_keys,
    "admin": _add_admin,
}


def made(only: str | None = None) -> typer.Typer:
    """The command line: of all commands, or as far as one of them goes."""
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
    app.callback()(_common)
    for name, add in _COMMANDS.items():
        if only in (None, name):
            add(app)
    return app
