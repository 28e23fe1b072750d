"""``keys``: the API keys of a service."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from pdfsmaller.cli.operators import AsJson, Data, run_with
from pdfsmaller.cli.show import moment, remark, say, table

_EPILOG = (
    "Exit codes: 0 done; 1 something unexpected; 2 wrong usage or settings, or no such key; 7 the store is not ready."
)

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
        remark(f"Its id is {made.key_id}. Keep it: only its hash is stored, so it is shown just this once.")

    return run_with(_keys, run)


@app.command("list", epilog=_EPILOG)
def list_keys(as_json: AsJson = False, data: Data = None) -> int:
    """Show all keys: id, name, when made and last used, limits, whether revoked."""

    def run(keys: Any) -> None:
        rows = [_shown(key) for key in keys.every(data=data)]
        if as_json:
            say(json.dumps(rows, indent=2, ensure_ascii=False))
            return
        for line in table(("id", "created", "last_used", "limits", "state", "name"), rows):
            say(line)

    return run_with(_keys, run)


@app.command(epilog=_EPILOG)
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `list` shows it.")], data: Data = None
) -> int:
    """End a key for good. Within five seconds nobody is let in with it any more.

    Links that were handed out with it work until they expire, for up to ten minutes.
    """

    def run(keys: Any) -> None:
        key = keys.revoke(key_id, data=data)
        remark(f"The key {key.key_id} ({key.name}) is revoked.")

    return run_with(_keys, run)


def _shown(key: Any) -> dict[str, str | None]:
    return {
        "id": key.key_id,
        "name": key.name,
        "created": moment(key.created_at),
        "last_used": moment(key.last_used_at),
        "limits": key.rate_limit or None,
        "state": f"revoked {moment(key.revoked_at)}" if key.revoked_at else "in use",
    }


def _keys() -> Any:
    from pdfsmaller.processes import keys

    return keys
