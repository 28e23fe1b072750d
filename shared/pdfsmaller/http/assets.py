"""The page's parts: scripts, styles, icon. They lie below a folder whose name says what is in them.

Browsers keep what has such a name for good, and a page never gets parts of another release. Where it asks a host that
has another one (while several are being upgraded) it gets those, and nobody keeps them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, current_app

from pdfsmaller.http import around

_FOR_GOOD_SECONDS = 31_536_000
_NAME_CHARS = 8


def install(app: Flask) -> None:
    """Have ``app`` serve them."""
    app.add_url_rule(f"{around.ASSETS}/<release>/<name>", "assets", _serve)


def folder() -> str:
    """Where they are, as seen from the page: wherever a proxy has put that."""
    return f"{around.ASSETS.removeprefix('/')}/{_release(Path(current_app.static_folder or ''))}"


def _serve(release: str, name: str) -> Response:
    """One of them."""
    response = current_app.send_static_file(name)
    if release == _release(Path(current_app.static_folder or "")):
        response.headers["Cache-Control"] = f"public, max-age={_FOR_GOOD_SECONDS}, immutable"
    return response


@cache
def _release(static: Path) -> str:
    """Another one as soon as any of them is another."""
    told = hashlib.sha256()
    for path in sorted(path for path in static.iterdir() if path.is_file()):
        told.update(f"{path.name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return told.hexdigest()[:_NAME_CHARS]
