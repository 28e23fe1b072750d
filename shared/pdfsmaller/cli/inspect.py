"""``pdfsmaller inspect``: where a file's bytes are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pdfsmaller import errors, sandbox
from pdfsmaller.cli.errors import complain, describe, exit_code
from pdfsmaller.cli.files import check_readable
from pdfsmaller.cli.password import read_password
from pdfsmaller.cli.show import counted, say, size, where_bytes_are
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import InspectOptions
from pdfsmaller.limits import Limits

_TIMEOUT_SECONDS = 60.0
#: More than may be compressed by default: looking costs little.
_MAX_PAGES = 1_000_000
_LISTED = 10


def inspect_file(source: Path, *, password_file: Path | None, as_json: bool) -> int:
    """Print what is in a file and return the exit code."""
    try:
        check_readable(source)
        options = InspectOptions.parse({"password": read_password(password_file)} if password_file else {})
        limits = Limits(max_pages=_MAX_PAGES, hard_seconds=_TIMEOUT_SECONDS)
        sandbox.branch(1)
        found = sandbox.inspect(InputFile(source.resolve(), source.name), options, limits)
    except (errors.PdfSmallerError, OSError) as exc:
        why = describe(exc, limits=False)
        complain(why if isinstance(exc, OSError) else f"{source}: {why}")
        return exit_code(exc)
    if as_json:
        say(json.dumps({"source": str(source), **found}, indent=2, ensure_ascii=False))
    else:
        say(_words(source, found))
    return errors.ExitCode.OK


def _words(source: Path, found: dict[str, Any]) -> str:
    marks = [name for name in ("encrypted", "signed", "tagged") if found[name]]
    if found["pdfa"]:
        marks.append(f"PDF/A-{found['pdfa']}")
    lines = [
        f"{source}: {size(found['bytes'])}, {counted(found['pages'], 'page')}, "
        f"PDF {found['pdf_version']}{''.join(', ' + mark for mark in marks)}"
    ]
    lines += where_bytes_are(found["audit"], found["bytes"])
    if found["images"]:
        lines.append(f"{counted(found['image_count'], 'image')}, largest first:")
        lines += [f"  {_image(image)}" for image in found["images"][:_LISTED]]
    if found["fonts"]:
        lines.append(f"{counted(len(found['fonts']), 'font')}, largest first:")
        lines += [f"  {_font(font)}" for font in found["fonts"][:_LISTED]]
    return "\n".join(lines)


def _image(image: dict[str, Any]) -> str:
    pages = ", ".join(map(str, image["pages"])) + (" …" if image["page_count"] > len(image["pages"]) else "")
    parts = [
        f"{size(image['bytes']):>9}",
        f"{image['width']}×{image['height']}",
        f"{image['dpi']:g} dpi" if image["dpi"] else "dpi unknown",
        f"{image['color_space'] or image['role'].replace('_', ' ')}",
        "+".join(image["filters"]) or "not compressed",
        f"page {pages}" if pages else "no page",
    ]
    if image["role"] == "soft_mask":
        parts[3] = "soft mask"
    return "  ".join(parts)


def _font(font: dict[str, Any]) -> str:
    how = "subset" if font["subset"] else "embedded" if font["embedded"] else "not embedded"
    return f"{size(font['bytes']):>9}  {font['name']}  {font['type']}, {how}"
