"""The commands' parameters, made from the operations and their options: nothing about an option is said here again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer

from pdfsmaller.cli.names import PASSWORD_FILE, flag
from pdfsmaller.engine.options import Options
from pdfsmaller.operations import OperationSpec

Timeout = Annotated[float | None, typer.Option(min=1, metavar="SECONDS", help="Give up after this long.")]
MaxPages = Annotated[int | None, typer.Option(min=1, metavar="N", help="Refuse files with more pages.")]
MaxImageSize = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Leave images that decode to more, e.g. 1GB; refuse them as inputs.")
]
MaxMemory = Annotated[str | None, typer.Option(metavar="SIZE", help="Memory for the engine, e.g. 3GB.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON (of several results: a list).")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but errors.")]

#: What sets the engine's limits (``bounds.LIMITS``).
LIMITS: dict[str, tuple[Any, Any]] = {
    "timeout": (Timeout, None),
    "max_pages": (MaxPages, None),
    "max_image_size": (MaxImageSize, None),
    "max_memory": (MaxMemory, None),
}

Server = Annotated[
    str, typer.Option(metavar="URL", envvar="PDFSMALLER_SERVER", help="Where the service is: http://host:port.")
]
ApiKeyFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        allow_dash=True,
        envvar="PDFSMALLER_API_KEY_FILE",
        help="A file whose first line is the service's API key; - reads standard input.",
    ),
]
WaitSeconds = Annotated[
    float | None, typer.Option(min=1, metavar="SECONDS", help="Cancel a job that has not ended after this long.")
]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]

#: How a service is reached.
SERVICE: dict[str, tuple[Any, Any]] = {
    "server": (Server, "http://localhost:8080"),
    "api_key_file": (ApiKeyFile, None),
}
#: The same for jobs that are waited for.
JOB_SERVICE = SERVICE | {"wait_seconds": (WaitSeconds, None)}


OUTPUT = Parameter(
    "output",
    Parameter.KEYWORD_ONLY,
    annotation=Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The file to write.")],
)


def parameters(operation: OperationSpec, beside: Mapping[str, tuple[Any, Any]]) -> list[Parameter]:
    """All parameters of an operation's command, in the order of its help.

    Args:
        beside: those of whoever does the job, each with its default.
    """
    return [
        _inputs(operation),
        *_targets(operation),
        *of_options(operation.options),
        *named(beside),
        _named("as_json", AsJson, False),
        _named("quiet", Quiet, False),
    ]


def command(about: str, parameters: list[Parameter], function: Callable[..., int]) -> Callable[..., int]:
    """A command that calls ``function`` with ``parameters`` as keywords; ``about`` is its help."""

    def made(**given: Any) -> int:
        return function(**given)

    made.__doc__ = about
    made.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": int}
    made.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return made


def of_options(options: type[Options]) -> list[Parameter]:
    """A parameter for each option; those that stand behind an input's name (``per_input``) have none."""
    return [
        _password_file(options, name) if options.is_secret(name) else _option(options, name)
        for name in options.names()
        if not options.shown(name).per_input
    ]


def _inputs(operation: OperationSpec) -> Parameter:
    names, per_input = operation.inputs.plural, operation.options.per_input()
    if per_input:
        text = f"{names}, each a FILE or FILE:{operation.options.shown(per_input).metavar}: " + _about(
            operation.options, per_input
        )
    else:
        text = f"The {names}, in their order." if not operation.each_alone else f"The {names}."
    return Parameter(
        "inputs", Parameter.KEYWORD_ONLY, annotation=Annotated[list[str], typer.Argument(metavar="IN...", help=text)]
    )


def _targets(operation: OperationSpec) -> list[Parameter]:
    output = typer.Option("-o", "--output", metavar="OUT", help="The result. May be one of the inputs itself.")
    folder = typer.Option("--output-dir", metavar="DIR", help="The folder for the results.")
    if operation.several_results:
        return [Parameter("output_dir", Parameter.KEYWORD_ONLY, annotation=Annotated[Path, folder])]
    if operation.each_alone:
        output.help = "The result of the one input. May be the input itself."
        folder.help = "The folder for the results, which keep their inputs' names."
        return [
            _named("output", Annotated[Path | None, output], None),
            _named("output_dir", Annotated[Path | None, folder], None),
        ]
    return [Parameter("output", Parameter.KEYWORD_ONLY, annotation=Annotated[Path, output])]


def _option(options: type[Options], name: str) -> Parameter:
    default = options.default(name)
    if options.is_flag(name):
        declared = f"{flag(name)}/{flag(f'no_{name}')}" if default else flag(name)
        return _named(name, Annotated[bool, typer.Option(declared, help=_about(options, name))], default)
    metavar = options.shown(name).metavar or "TEXT"
    # Text, whatever the type: the options' own check says what is allowed.
    return _named(
        name, Annotated[str | None, typer.Option(flag(name), metavar=metavar, help=_about(options, name))], None
    )


def _password_file(options: type[Options], name: str) -> Parameter:
    lines = "with a password in each line" if options.shown(name).repeated else "whose first line is the password"
    text = f"A file {lines}; - reads standard input. {options.description(name)}"
    option = typer.Option("--password-file", metavar="FILE", allow_dash=True, help=text)
    return _named(PASSWORD_FILE, Annotated[Path | None, option], None)


def _about(options: type[Options], name: str) -> str:
    """An option's description, what it takes where that does not say so, and its default."""
    text = options.description(name)
    if not options.is_flag(name):
        values = options.allowed(name)
        if not all(value in text for value in values):
            text += f" Takes {', '.join(values)}."
        default = options.default(name)
        if default not in (None, []):
            text += f" Default: {default:g}." if isinstance(default, float) else f" Default: {default}."
    return text


def named(kinds: Mapping[str, tuple[Any, Any]]) -> list[Parameter]:
    """Parameters by their names, each of a kind and with a default."""
    return [_named(name, kind, default) for name, (kind, default) in kinds.items()]


def _named(name: str, annotation: Any, default: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
