"""``pdfsmaller inspect``: where a file's bytes are."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pdfsmaller import errors
from pdfsmaller.cli.errors import OK, complain, describe, exit_code
from pdfsmaller.cli.password import read_password
from pdfsmaller.cli.show import counted, say, size
from pdfsmaller.limits import Limits

_TIMEOUT_SECONDS = 60.0
#: More than may be compressed by default: looking costs little.
_MAX_PAGES = 1_000_000
_LISTED = 10
_KNOWN = (
    errors.NotAPdf,
    errors.EmptyFile,
    errors.UnreadablePdf,
    errors.PasswordRequired,
    errors.WrongPassword,
    errors.UnsupportedEncryption,
)


def inspect_file(source: Path, *, password_file: Path | None, as_json: bool) -> int:
    """Print what is in a file and return the exit code."""
    try:
        with source.open("rb") as file:
            file.read(1)
        password = read_password(password_file) if password_file else None
        found = _inspect(source.resolve(), password)
    except (errors.PdfSmallerError, OSError) as exc:
        why = describe(exc, limits=False)
        complain(why if isinstance(exc, OSError) else f"{source}: {why}")
        return exit_code(exc)
    if as_json:
        say(json.dumps({"source": str(source), **found}, indent=2, ensure_ascii=False))
    else:
        say(_words(source, found))
    return OK


def _inspect(source: Path, password: str | None) -> dict[str, Any]:
    """The child's answer.

    Raises:
        PdfSmallerError: what the child found wrong, or that it died or took too long.
    """
    spec = {"source": str(source), "password": password, "limits": asdict(Limits(max_pages=_MAX_PAGES))}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pdfsmaller.cli.inspect_child"],
            input=json.dumps(spec) + "\n",
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        message = f"The document takes longer than {_TIMEOUT_SECONDS:g} seconds to look into."
        raise errors.LimitExceeded("inspect_seconds", _TIMEOUT_SECONDS, message) from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise errors.WorkerCrashed(f"The engine's process ended without an answer ({done.returncode}).") from None
    if "inspection" in answer:
        found: dict[str, Any] = answer["inspection"]
        return found
    said = answer["error"]
    if said["code"] == errors.LimitExceeded.code:
        raise errors.LimitExceeded(said["limit"], said["allowed"], said["message"])
    raise next((kind for kind in _KNOWN if kind.code == said["code"]), errors.EngineFailed)(said["message"])


def _words(source: Path, found: dict[str, Any]) -> str:
    marks = [name for name in ("encrypted", "signed", "tagged") if found[name]]
    if found["pdfa"]:
        marks.append(f"PDF/A-{found['pdfa']}")
    lines = [
        f"{source}: {size(found['bytes'])}, {counted(found['pages'], 'page')}, "
        f"PDF {found['pdf_version']}{''.join(', ' + mark for mark in marks)}"
    ]
    for kind, count in sorted(found["audit"].items(), key=lambda item: -item[1]):
        if count:
            lines.append(f"  {kind:<12}{size(count):>9}  {count / found['bytes']:6.1%}")
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
