"""``keys``: the API keys of a service. Only these and the service's own commands need its extras."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pdfsmaller.cli.errors import complain, describe
from pdfsmaller.cli.show import say
from pdfsmaller.errors import ExitCode, PdfSmallerError

_EPILOG = (
    "Exit codes: 0 done; 1 something unexpected; 2 wrong usage or settings, or no such key; 7 the store is not ready."
)
EXTRA_MISSING = (
    "This command needs more than the engine. Install it with: pip install 'pdfsmaller[server]' (for a service on AWS: "
    "'pdfsmaller[service]')"
)

Data = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The folder of a `serve`. Without it the store that the environment names: DATABASE_URL and STORAGE_URL, "
        "or JOBS_TABLE on AWS.",
    ),
]

app = typer.Typer(help="Make, list and revoke the API keys of a service.", no_args_is_help=True, rich_markup_mode=None)


@app.command(epilog=_EPILOG)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it: who will use it, for what.")],
    rate_limit: Annotated[
        str,
        typer.Option(
            metavar="LIMITS", help="Limits of its own on new jobs, such as '100 per hour' or '200 per day;50 per hour'."
        ),
    ] = "",
    data: Data = None,
) -> int:
    """Make a key and print it. It cannot be shown again."""

    def run(keys: Any) -> None:
        made, key = keys.create(name, rate_limit, data=data)
        say(key)
        _remark(f"Its id is {made.key_id}. Keep it: only its hash is stored, so it is shown just this once.")

    return _with_keys(run)


@app.command("list", epilog=_EPILOG)
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False, data: Data = None
) -> int:
    """Show all keys: id, name, when made and last used, limits, whether revoked."""

    def run(keys: Any) -> None:
        rows = [_shown(key) for key in keys.every(data=data)]
        if as_json:
            say(json.dumps(rows, indent=2, ensure_ascii=False))
            return
        heads: dict[str, str | None] = {
            name: name.upper().replace("_", " ") for name in ("id", "created", "last_used", "limits", "state", "name")
        }
        lines = [heads, *rows]
        widths = {name: max(len(line[name] or "-") for line in lines) for name in heads}
        for line in lines:
            say("  ".join((line[name] or "-").ljust(widths[name]) for name in heads).rstrip())

    return _with_keys(run)


@app.command(epilog=_EPILOG)
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `list` shows it.")], data: Data = None
) -> int:
    """End a key for good. Within five seconds nobody is let in with it any more.

    Links that were handed out with it work until they expire, for up to ten minutes.
    """

    def run(keys: Any) -> None:
        key = keys.revoke(key_id, data=data)
        _remark(f"The key {key.key_id} ({key.name}) is revoked.")

    return _with_keys(run)


def _remark(text: str) -> None:
    """A line for people, beside what is printed for programs."""
    print(text, file=sys.stderr)


def _shown(key: Any) -> dict[str, str | None]:
    return {
        "id": key.key_id,
        "name": key.name,
        "created": _time(key.created_at),
        "last_used": _time(key.last_used_at),
        "limits": key.rate_limit or None,
        "state": f"revoked {_time(key.revoked_at)}" if key.revoked_at else "in use",
    }


def _time(at: float | None) -> str | None:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def _with_keys(run: Callable[[Any], None]) -> int:
    try:
        from pdfsmaller.processes import keys
    except ModuleNotFoundError:
        complain(EXTRA_MISSING)
        return ExitCode.USAGE
    try:
        run(keys)
    except PdfSmallerError as exc:
        complain(describe(exc))
        return exc.exit_code
    return ExitCode.OK
