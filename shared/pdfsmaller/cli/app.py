"""The command's arguments. What the commands do is in ``compress`` and ``inspect``, imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pdfsmaller import __version__
from pdfsmaller.cli.errors import INTERRUPTED, OK, USAGE, complain

_EXIT_CODES = (
    "Exit codes: 0 done; 1 something unexpected; 2 wrong usage or option; 3 not a PDF, empty or broken beyond repair; "
    "4 password needed or wrong; 5 over a limit; 6 target size out of reach (the smallest file was written); "
    "7 a file cannot be read or written; 130 stopped. With several inputs: that of the first failure."
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
        return INTERRUPTED
    except typer.Exit as exc:
        return exc.exit_code
    except _UsageError as exc:
        if type(exc).__name__ == "NoArgsIsHelpError":
            typer.echo(exc.ctx.get_help())
            return USAGE
        where = exc.ctx.command_path if exc.ctx else "pdfsmaller"
        complain(f"{exc.format_message()} See {where} --help.")
        return USAGE
    return code if isinstance(code, int) else OK


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pdfsmaller {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """The smallest PDF that still looks, reads and works like the original."""


PasswordFile = Annotated[
    Path | None,
    typer.Option(
        help="A file whose first line is the password of the encrypted PDF; - reads standard input.",
        metavar="FILE",
        allow_dash=True,
    ),
]


@app.command("compress", epilog=_EXIT_CODES, no_args_is_help=True)
def compress_command(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help="The PDFs to make smaller.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="The result of the one input. May be the input itself."),
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder for the results, which keep their inputs' names."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="lossless, printer (300 dpi), ebook (150), screen (72) or scan. Without one: 144 dpi, quality 75.",
        ),
    ] = None,
    dpi: Annotated[
        str | None, typer.Option(metavar="N", help="Downsample images shown above 1.5 x this many dots per inch.")
    ] = None,
    image_quality: Annotated[str | None, typer.Option(metavar="N", help="JPEG quality, 10 to 100.")] = None,
    color_mode: Annotated[str | None, typer.Option(metavar="MODE", help="no-change, grayscale or bilevel.")] = None,
    target_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="At most this large: bytes, 500KB or 1.5MB.")
    ] = None,
    effort: Annotated[str | None, typer.Option(metavar="HOW", help="fast, default or max.")] = None,
    verify: Annotated[
        str | None,
        typer.Option(metavar="HOW", help="How much of the result is compared with the input: off, sample or full."),
    ] = None,
    strip_metadata: Annotated[bool, typer.Option("--strip-metadata", help="Drop title, author and the like.")] = False,
    linearize: Annotated[bool, typer.Option("--linearize", help="Order the file for viewing while it loads.")] = False,
    allow_signature_invalidation: Annotated[
        bool, typer.Option("--allow-signature-invalidation", help="Change signed PDFs; their signatures end.")
    ] = False,
    password_file: PasswordFile = None,
    timeout: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="Give up on a file after this long.")
    ] = None,
    max_pages: Annotated[int | None, typer.Option(min=1, metavar="N", help="Refuse files with more pages.")] = None,
    max_pixels: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Leave or refuse images of more pixels.")
    ] = None,
    max_memory: Annotated[str | None, typer.Option(metavar="SIZE", help="Memory for the engine, e.g. 3GB.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON (several inputs: a list of them).")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but errors.")] = False,
) -> int:
    """Make PDFs smaller. What cannot be made smaller is copied as it is."""
    from pdfsmaller.cli.compress import compress_all

    fields: dict[str, Any] = {
        "preset": preset,
        "dpi": dpi,
        "image_quality": image_quality,
        "color_mode": color_mode,
        "target_size": target_size,
        "effort": effort,
        "verify": verify,
        "strip_metadata": strip_metadata,
        "linearize": linearize,
        "allow_signature_invalidation": allow_signature_invalidation,
    }
    limits = {"timeout": timeout, "max_pages": max_pages, "max_pixels": max_pixels, "max_memory": max_memory}
    return compress_all(
        inputs,
        output=output,
        output_dir=output_dir,
        fields=fields,
        limits=limits,
        password_file=password_file,
        as_json=as_json,
        quiet=quiet,
    )


@app.command("inspect", epilog=_EXIT_CODES, no_args_is_help=True)
def inspect_command(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The PDF to look into.")],
    password_file: PasswordFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> int:
    """Show where a PDF's bytes are: images, fonts, content, metadata, attachments, structure."""
    from pdfsmaller.cli.inspect import inspect_file

    return inspect_file(source, password_file=password_file, as_json=as_json)
