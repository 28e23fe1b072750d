"""``admin backfill``: what lies somewhere already becomes compress jobs. ``operating.backfill`` does it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pdfsmaller.cli import arguments
from pdfsmaller.cli.errors import UsageError, complain, describe, exit_code
from pdfsmaller.cli.names import PASSWORD_FILE
from pdfsmaller.cli.operators import AsJson, Data, run_with
from pdfsmaller.cli.password import read_password
from pdfsmaller.cli.show import counted, remark, say, size
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.errors import ExitCode

_EPILOG = (
    "Exit codes: 0 done; 1 something unexpected; 2 wrong usage, option or settings; 3 some documents failed (`status` "
    "has them); 7 a folder, bucket, ledger or store cannot be used; 130 stopped before all was done."
)
_RUN = "run"
_UNITS = ((3_600, "hours"), (60, "minutes"), (1, "seconds"))


class _Group(TyperGroup):
    """``backfill SOURCE`` is ``backfill run SOURCE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_RUN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group,
    help="Compress what lies in a folder, below a prefix of a bucket, or in an S3 Inventory: `backfill SOURCE …`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

LedgerFile = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        metavar="FILE",
        help="Where it is written down what became of each document (SQLite). Default: backfill.db beside the data.",
    ),
]
Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="A folder, s3://bucket/prefix, or the s3://…/manifest.json of an S3 Inventory (CSV)."
    ),
]
To = Annotated[str, typer.Option(metavar="TARGET", help="The folder or s3://bucket/prefix for results.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="Put each result in its original's place, once it is verified.")
]
KeepOriginals = Annotated[
    str, typer.Option(metavar="TARGET", help="With --replace: the folder or s3://bucket/prefix to keep originals in.")
]
NoKeep = Annotated[bool, typer.Option("--no-keep", help="With --replace: originals are gone.")]
Rate = Annotated[str, typer.Option(metavar="N/TIME", help="Jobs made in a time: 5/s, 300/min, 1000/h.")]
AtOnce = Annotated[int, typer.Option(min=1, max=1_000, metavar="N", help="Jobs under way.")]
Include = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN", help="Names that are taken, such as 'archive/*.pdf'; several times. Default: *.pdf."
    ),
]
MinSize = Annotated[str, typer.Option(metavar="SIZE", help="Leave out what is smaller, e.g. 100KB.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Do nothing, but tell what would be saved and what it would cost.")
]
Sample = Annotated[int, typer.Option(min=2, max=10_000, metavar="N", help="Documents that a dry run looks at, about.")]
PricesFile = Annotated[
    Path | None, typer.Option("--prices", metavar="FILE", help="Prices of AWS other than ours, as JSON.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Begin.")]

#: What a backfill takes beside the options of compress.
_OF_RUN: dict[str, tuple[Any, Any]] = {
    "to": (To, ""),
    "replace": (Replace, False),
    "keep_originals": (KeepOriginals, ""),
    "no_keep": (NoKeep, False),
    "rate": (Rate, "5/s"),
    "at_once": (AtOnce, 8),
    "include": (Include, None),
    "min_size": (MinSize, ""),
    "dry_run": (DryRun, False),
    "sample": (Sample, 50),
    "prices": (PricesFile, None),
    "yes": (Yes, False),
    "ledger": (LedgerFile, None),
    "data": (Data, None),
    "as_json": (AsJson, False),
}


def _run(
    *,
    source: str,
    to: str,
    replace: bool,
    keep_originals: str,
    no_keep: bool,
    rate: str,
    at_once: int,
    include: list[str] | None,
    min_size: str,
    dry_run: bool,
    sample: int,
    prices: Path | None,
    yes: bool,
    ledger: Path | None,
    data: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    def work(backfill: Any) -> int:
        try:
            if not (yes or dry_run):
                raise UsageError("See what it would save with --dry-run, and say --yes to begin.")
            if file := options.pop(PASSWORD_FILE):
                options["password"] = read_password(file)
            given = (source, to, replace, keep_originals, no_keep, options, include or [], min_size)
            asked = backfill.Asked(*given)
            if dry_run:
                found, cost = backfill.dry_run(asked, sample=sample, prices=prices, data=data, tell=_looked)
                say(json.dumps(_dry_run_json(found, cost), indent=2) if as_json else _of_dry_run(found, cost))
                return ExitCode.OK
            counts, finished = backfill.run(asked, rate=rate, at_once=at_once, ledger=ledger, data=data, say=remark)
        except (UsageError, OSError) as exc:
            complain(describe(exc))
            return exit_code(exc)
        say(json.dumps(_counts_json(counts), indent=2) if as_json else _of_counts(counts))
        if not finished:
            remark("Not all was done. Say the same again to go on: nothing is done twice.")
            return ExitCode.INTERRUPTED
        return ExitCode.UNREADABLE if any(count.state == "failed" for count in counts) else ExitCode.OK

    return run_with(_backfill, work)


_options = [
    parameter
    for parameter in arguments.of_options(CompressOptions)
    if parameter.name not in _OF_RUN  # a dry run of a backfill is one of its own
]
app.command(_RUN, epilog=_EPILOG, no_args_is_help=True)(
    arguments.command(
        "Compress all that lies at SOURCE, at a bounded rate. Said again it goes on where it was.",
        [Parameter("source", Parameter.KEYWORD_ONLY, annotation=Source), *arguments.named(_OF_RUN), *_options],
        _run,
    )
)


@app.command(epilog=_EPILOG)
def status(
    listed: Annotated[
        list[str] | None,
        typer.Option(
            "--list", metavar="STATE", help="Name the documents that are waiting, taken, done, skipped or failed."
        ),
    ] = None,
    ledger: LedgerFile = None,
    as_json: AsJson = False,
    data: Data = None,
) -> int:
    """Show how far a backfill is: what was saved, what was left alone and why, what failed and why."""

    def work(backfill: Any) -> None:
        if listed:
            for item in backfill.items(listed, ledger=ledger, data=data):
                facts = _item_json(item)
                say(json.dumps(facts, ensure_ascii=False) if as_json else _of_item(facts))
            return
        plan, counts = backfill.status(ledger=ledger, data=data)
        if as_json:
            say(json.dumps({"plan": plan, **_counts_json(counts)}, indent=2))
            return
        to = plan.get("to") or "their originals' places"
        say(f"{plan.get('source', 'nothing yet')} → {to}")
        say(_of_counts(counts))

    return run_with(_backfill, work)


@app.command("retry-failed", epilog=_EPILOG)
def retry_failed(
    code: Annotated[str | None, typer.Option(metavar="CODE", help="Only those that failed with this code.")] = None,
    ledger: LedgerFile = None,
    data: Data = None,
) -> int:
    """Have documents that failed wait again. The backfill, said again, then takes them."""

    def work(backfill: Any) -> None:
        number = backfill.retry_failed(code=code, ledger=ledger, data=data)
        say(f"{counted(number, 'document')} wait again. Say the backfill again to have them done.")

    return run_with(_backfill, work)


def _backfill() -> Any:
    from pdfsmaller.operating import backfill

    return backfill


# Printing


def _looked(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\rlooked at {done} of {of}", end="" if done < of else "\n", file=sys.stderr, flush=True)


def _dry_run_json(found: Any, cost: Any) -> dict[str, Any]:
    return asdict(found) | {"cost": asdict(cost) if cost else None}


def _of_dry_run(found: Any, cost: Any) -> str:
    share = f" ({found.saved / found.bytes:.0%})" if found.bytes else ""
    lines = [
        f"{counted(found.documents, 'document')}, {size(found.bytes)}; {found.looked_at:,} were looked at.",
        f"About {size(round(found.saved))}{share} would be saved, ± {size(round(found.spread))}.",
        f"It would take a worker of two processors about {_time(found.seconds)}.",
    ]
    lines += [
        f"  of those looked at nothing would be saved of {number:,}: {code}" for code, number in found.codes.items()
    ]
    if cost:
        lines.append(
            f"On AWS that costs about ${cost.once:,.2f} once, and saves ${cost.each_month:,.2f} of storage each month."
        )
    return "\n".join(lines)


def _time(seconds: float) -> str:
    """A time in its largest unit."""
    length, unit = next(((length, unit) for length, unit in _UNITS if seconds >= length), _UNITS[-1])
    return f"{seconds / length:,.1f} {unit}"


def _counts_json(counts: Sequence[Any]) -> dict[str, Any]:
    return {"counts": [asdict(count) for count in counts], "saved_bytes": _saved(counts)}


def _of_counts(counts: Sequence[Any]) -> str:
    theirs = [count for count in counts if not count.is_ours]
    total = sum(count.items for count in theirs)
    lines = [f"{counted(total, 'document')}, {size(sum(count.bytes for count in theirs))}"]
    for count in theirs:
        became = f" → {size(count.bytes_after)}" if count.state == "done" else ""
        why = f" ({count.code})" if count.code else ""
        lines.append(f"  {count.items:>9,} {count.state}{why}: {size(count.bytes)}{became}")
    return "\n".join([*lines, f"  {size(_saved(counts))} saved"])


def _saved(counts: Sequence[Any]) -> int:
    return sum(count.bytes - count.bytes_after for count in counts if count.state == "done")


def _item_json(item: Any) -> dict[str, Any]:
    return {
        "name": item.original.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        "bytes": item.original.bytes,
        "state": item.state,
        "code": item.code or None,
        "message": item.message or None,
        "job_id": item.job_id or None,
        "bytes_after": item.bytes_after or None,
    }


def _of_item(facts: Mapping[str, Any]) -> str:
    after = f" → {size(facts['bytes_after'])}" if facts["bytes_after"] else ""
    why = f" ({facts['code']}: {facts['message']})" if facts["message"] else ""
    return f"{facts['state']:<8} {size(facts['bytes']):>8}{after}  {facts['name']!r}{why}"
