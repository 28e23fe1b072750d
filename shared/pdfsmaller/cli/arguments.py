"""The options that commands share: what each is called and what its help says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

#: The parameters that set the engine's limits (``bounds.limits_from``).
_LIMITS = ("timeout", "max_pages", "max_image_size", "max_memory")

Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="OUT", help="The result. May be one of the inputs itself.")
]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="lossless, printer (300 dpi), ebook (150), screen (72) or scan. Without one: 144 dpi, quality 75.",
    ),
]
Dpi = Annotated[
    str | None, typer.Option(metavar="N", help="Downsample images shown above 1.5 x this many dots per inch.")
]
ImageQuality = Annotated[str | None, typer.Option(metavar="N", help="JPEG quality, 10 to 100.")]
ColorMode = Annotated[str | None, typer.Option(metavar="MODE", help="no-change, grayscale or bilevel.")]
TargetSize = Annotated[str | None, typer.Option(metavar="SIZE", help="At most this large: bytes, 500KB or 1.5MB.")]
Effort = Annotated[str | None, typer.Option(metavar="HOW", help="fast, default or max.")]
Verify = Annotated[
    str | None,
    typer.Option(metavar="HOW", help="How much of the result is compared with the input: off, sample or full."),
]
StripMetadata = Annotated[bool, typer.Option("--strip-metadata", help="Drop title, author and the like.")]
Linearize = Annotated[bool, typer.Option("--linearize", help="Order the file for viewing while it loads.")]
AllowSignatureInvalidation = Annotated[
    bool, typer.Option("--allow-signature-invalidation", help="Change signed PDFs; their signatures end.")
]
OnError = Annotated[
    str | None,
    typer.Option(metavar="HOW", help="fail: end with the first file that cannot be used; skip: leave it out."),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        help="A file whose first line is the password of the encrypted PDF; - reads standard input.",
        metavar="FILE",
        allow_dash=True,
    ),
]
PasswordsFile = Annotated[
    Path | None,
    typer.Option(
        help="A file with a password in each line, all tried on encrypted PDFs; - reads standard input.",
        metavar="FILE",
        allow_dash=True,
    ),
]
Timeout = Annotated[float | None, typer.Option(min=1, metavar="SECONDS", help="Give up after this long.")]
MaxPages = Annotated[int | None, typer.Option(min=1, metavar="N", help="Refuse files with more pages.")]
MaxImageSize = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Leave images that decode to more, e.g. 1GB; refuse them as inputs.")
]
MaxMemory = Annotated[str | None, typer.Option(metavar="SIZE", help="Memory for the engine, e.g. 3GB.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON (of several results: a list).")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but errors.")]


def gathered(context: typer.Context, operation: str) -> dict[str, Any]:
    """A command's parameters by what they are for: ``fields`` (the operation's options), ``limits``, and the rest."""
    from pdfsmaller.engine.options import OPTIONS

    names = OPTIONS[operation].model_fields
    given = context.params
    return {
        "fields": {name: value for name, value in given.items() if name in names},
        "limits": {name: given[name] for name in _LIMITS},
        **{name: value for name, value in given.items() if name not in names and name not in _LIMITS},
    }
