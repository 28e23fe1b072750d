"""The commands. What they do is in ``compress``, ``combine`` and ``inspect``, which are imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pdfsmaller import __version__
from pdfsmaller.cli import arguments
from pdfsmaller.cli.errors import INTERRUPTED, OK, USAGE, complain

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


@app.command("compress", epilog=_EXIT_CODES, no_args_is_help=True)
def compress_command(
    context: typer.Context,
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help="The PDFs to make smaller.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="The result of the one input. May be the input itself."),
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder for the results, which keep their inputs' names."),
    ] = None,
    preset: arguments.Preset = None,
    dpi: arguments.Dpi = None,
    image_quality: arguments.ImageQuality = None,
    color_mode: arguments.ColorMode = None,
    target_size: arguments.TargetSize = None,
    effort: arguments.Effort = None,
    verify: arguments.Verify = None,
    strip_metadata: arguments.StripMetadata = False,
    linearize: arguments.Linearize = False,
    allow_signature_invalidation: arguments.AllowSignatureInvalidation = False,
    password_file: arguments.PasswordFile = None,
    timeout: arguments.Timeout = None,
    max_pages: arguments.MaxPages = None,
    max_image_size: arguments.MaxImageSize = None,
    max_memory: arguments.MaxMemory = None,
    as_json: arguments.AsJson = False,
    quiet: arguments.Quiet = False,
) -> int:
    """Make PDFs smaller. What cannot be made smaller is copied as it is."""
    from pdfsmaller.cli.compress import compress_all

    return compress_all(**arguments.gathered(context, "compress"))


@app.command("merge", epilog=_EXIT_CODES, no_args_is_help=True)
def merge_command(
    context: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="IN...",
            help="PDFs, each a FILE or FILE:RANGES such as a.pdf:1-3,7,-1 (-1 is the last page, 5- goes to the end).",
        ),
    ],
    output: arguments.Output,
    optimize: Annotated[bool, typer.Option("--optimize/--no-optimize", help="Compress what is merged.")] = True,
    outline: Annotated[
        str | None, typer.Option(metavar="HOW", help="per-source (an entry for each file), joined or none.")
    ] = None,
    on_error: arguments.OnError = None,
    decrypt: Annotated[
        bool, typer.Option("--decrypt", help="Leave the result open to everybody though an input was encrypted.")
    ] = False,
    preset: arguments.Preset = None,
    dpi: arguments.Dpi = None,
    image_quality: arguments.ImageQuality = None,
    color_mode: arguments.ColorMode = None,
    target_size: arguments.TargetSize = None,
    effort: arguments.Effort = None,
    verify: arguments.Verify = None,
    strip_metadata: arguments.StripMetadata = False,
    linearize: arguments.Linearize = False,
    allow_signature_invalidation: arguments.AllowSignatureInvalidation = False,
    password_file: arguments.PasswordsFile = None,
    timeout: arguments.Timeout = None,
    max_pages: arguments.MaxPages = None,
    max_image_size: arguments.MaxImageSize = None,
    max_memory: arguments.MaxMemory = None,
    as_json: arguments.AsJson = False,
    quiet: arguments.Quiet = False,
) -> int:
    """Make one PDF of several, in the order given."""
    from pdfsmaller.cli.combine import merge_files

    return merge_files(**arguments.gathered(context, "merge"))


@app.command("images", epilog=_EXIT_CODES, no_args_is_help=True)
def images_command(
    context: typer.Context,
    inputs: Annotated[list[Path], typer.Argument(metavar="IN...", help="The images, a page for each.")],
    output: arguments.Output,
    page_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="fit (as large as the image), A4 or letter.")
    ] = None,
    orientation: Annotated[
        str | None, typer.Option(metavar="HOW", help="Of the paper: auto (as the image lies), portrait or landscape.")
    ] = None,
    margin: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="Around the image: points, 10mm, 1cm or 0.5in.")
    ] = None,
    resolution: Annotated[
        str | None, typer.Option(metavar="N", help="Pixels per inch, instead of what each file says (or 96).")
    ] = None,
    on_error: arguments.OnError = None,
    preset: arguments.Preset = None,
    dpi: arguments.Dpi = None,
    image_quality: arguments.ImageQuality = None,
    color_mode: arguments.ColorMode = None,
    target_size: arguments.TargetSize = None,
    effort: arguments.Effort = None,
    verify: arguments.Verify = None,
    strip_metadata: arguments.StripMetadata = False,
    linearize: arguments.Linearize = False,
    timeout: arguments.Timeout = None,
    max_pages: arguments.MaxPages = None,
    max_image_size: arguments.MaxImageSize = None,
    max_memory: arguments.MaxMemory = None,
    as_json: arguments.AsJson = False,
    quiet: arguments.Quiet = False,
) -> int:
    """Make one PDF of images. Not one pixel changes unless an option of compression asks for it."""
    from pdfsmaller.cli.combine import combine

    return combine("image-to-pdf", **arguments.gathered(context, "image-to-pdf"))


@app.command("inspect", epilog=_EXIT_CODES, no_args_is_help=True)
def inspect_command(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The PDF to look into.")],
    password_file: arguments.PasswordFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> int:
    """Show where a PDF's bytes are: images, fonts, content, metadata, attachments, structure."""
    from pdfsmaller.cli.inspect import inspect_file

    return inspect_file(source, password_file=password_file, as_json=as_json)
