"""``pdfsmaller admin backfill``: what lies somewhere already becomes compress jobs of a service."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdfsmaller import sandbox, wire
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.units import parse_size
from pdfsmaller.errors import InvalidOption
from pdfsmaller.operating.admin import alive
from pdfsmaller.operating.place import Place, place
from pdfsmaller.processes import logs
from pdfsmaller.services.backfill.expectation import Expectation, expect
from pdfsmaller.services.backfill.ledger import Count, Item, Ledger, State
from pdfsmaller.services.backfill.pace import parse_rate
from pdfsmaller.services.backfill.plan import INCLUDE, Plan
from pdfsmaller.services.backfill.prices import read_prices
from pdfsmaller.services.backfill.service import BackfillService

if TYPE_CHECKING:
    from pdfsmaller.settings import Settings

#: What a ledger is called that nobody named.
LEDGER = "backfill.db"
#: How often the operator hears how far it is, in seconds; more rarely where counting takes long.
_TELL_SECONDS, _COUNTING_SHARE = 10.0, 0.02


@dataclass(frozen=True, slots=True)
class Asked:
    """A backfill as the command was told it.

    Attributes:
        source, to, keep_originals: addresses (``wire.collection``); ``to`` is empty where originals are replaced.
        replace, no_keep: results take their originals' places; which are not kept.
        options: of compress, as they were written.
        include: patterns of names; none: ``*.pdf``.
        min_size: as it was written; empty: any.
    """

    source: str
    to: str
    replace: bool
    keep_originals: str
    no_keep: bool
    options: dict[str, Any]
    include: Sequence[str]
    min_size: str

    def plan(self) -> Plan:
        """Raises InvalidOption, CollectionUnusable, InvalidInventory, StoreUnavailable, CannotServe."""
        if bool(self.to) is self.replace:
            why = "Say where results go: --to a prefix or folder, or --replace for their originals' places."
            raise InvalidOption("to", self.to, ["a prefix or folder", "(--replace)"], why)
        if self.replace and bool(self.keep_originals) is self.no_keep:
            why = "With --replace say where originals are kept (--keep-originals), or --no-keep: then they are gone."
            raise InvalidOption("keep_originals", self.keep_originals, ["a prefix or folder", "(--no-keep)"], why)
        if self.to and (self.keep_originals or self.no_keep):
            why = "With --to originals stay where they are: leave --keep-originals and --no-keep out."
            raise InvalidOption("keep_originals", self.keep_originals, ["(leave it out)"], why)
        options = CompressOptions.parse(self.options)
        plan = Plan(
            source=wire.collection(self.source),
            options=options,
            to=wire.collection(self.to) if self.to else None,
            keep=wire.collection(self.keep_originals) if self.keep_originals else None,
            include=tuple(self.include) or INCLUDE,
            min_size=_size(self.min_size),
        )
        plan.check()
        return plan


@dataclass(frozen=True, slots=True)
class Cost:
    """What a backfill would cost on AWS, and what its saving is worth there each month, in US dollars."""

    once: float
    each_month: float


def dry_run(
    asked: Asked, *, sample: int, prices: Path | None, data: Path | None, tell: Callable[[int, int], None]
) -> tuple[Expectation, Cost | None]:
    """What a backfill would save, and what it would cost where the service is on AWS; nothing is changed.

    Args:
        sample: documents looked at, about.
        prices: a file with other prices than ours.
        data: the folder of a ``serve``; None where the environment names the service.
        tell: told how many of how many were looked at.

    Raises:
        InvalidOption, CannotServe, CollectionUnusable, InvalidInventory, StoreUnavailable, OSError.
    """
    here, plan, each = place(data), asked.plan(), read_prices(prices)
    limits = here.settings.limits()
    found = expect(plan, limits, at_most=sample, max_bytes=here.settings.max_file_size, tell=tell)
    if not here.is_on_aws:
        return found, None
    return found, Cost(each.cost(found.documents, found.seconds), each.kept_for_a_month(found.saved))


def run(
    asked: Asked, *, rate: str, at_once: int, ledger: Path | None, data: Path | None, say: Callable[[str], None]
) -> tuple[list[Count], bool]:
    """Do a backfill, or go on with it, until every item is over or somebody stops it; how far it came, and whether
    that was all.

    Ctrl-C (SIGINT, SIGTERM) lets what is under way end; once more leaves that, too, for the next run.

    Args:
        rate: jobs made in a time, at most, such as ``5/s``.
        at_once: jobs under way, at most.
        ledger: where it is written down; None: ``backfill.db`` beside the service's data.
        data: as for ``dry_run``.
        say: tells the operator a line.

    Raises:
        As ``dry_run``; LedgerInUse, LedgerUnusable.
    """
    here, per_second, plan = place(data), parse_rate(rate), asked.plan()
    world = here.world
    with closing(Ledger(ledger or ledger_of(here))) as kept:
        kept.hold()
        _log(here.settings, kept.path)
        sandbox.warm_up()  # before there are threads
        copies = wire.files_in_s3(here.settings)
        service = BackfillService(world, plan, kept, copies=copies, rate=per_second, at_once=at_once)
        with closing(service), _stopping(say) as (stop, leave):
            new = service.enter(stop)
            listed = not stop.is_set()
            say(f"{plan.source.address}: {new:,} documents that the ledger {kept.path} did not have yet.")
            if world.workers and not alive(here):
                say("No worker runs: start one (pdfsmaller worker), or this waits for it.")
            service.run(stop, leave, _Telling(kept, service, say))
        return kept.counts(), listed and not kept.has(State.WAITING, State.TAKEN)


def status(*, ledger: Path | None, data: Path | None) -> tuple[dict[str, Any], list[Count]]:
    """What a ledger's backfill is to do, and how far it is. Arguments as for ``run``.

    Raises:
        LedgerUnusable: there is none.
    """
    with closing(Ledger(ledger or ledger_of(place(data)), must_exist=True)) as kept:
        return kept.plan() or {}, kept.counts()


def items(states: Sequence[str], *, ledger: Path | None, data: Path | None) -> Iterator[Item]:
    """The items in some states. Arguments as for ``run``.

    Raises:
        LedgerUnusable: there is none.
    """
    with closing(Ledger(ledger or ledger_of(place(data)), must_exist=True)) as kept:
        yield from kept.items(*map(State, states))


def retry_failed(*, code: str | None, ledger: Path | None, data: Path | None) -> int:
    """Have those wait again that failed, all or those with a code; how many there were. Arguments as for ``run``.

    Raises:
        LedgerUnusable: there is none.
        LedgerInUse: the backfill runs.
    """
    with closing(Ledger(ledger or ledger_of(place(data)), must_exist=True)) as kept:
        kept.hold()
        return kept.retry_failed(code)


def ledger_of(here: Place) -> Path:
    """Where a service's ledger is that nobody named: in its data folder, beside its database, or right here."""
    if here.folder:
        return here.folder.path / LEDGER
    if here.database_file:
        return here.database_file.parent / LEDGER
    return Path(f"pdfsmaller-{LEDGER}").absolute()


def _log(settings: Settings, ledger: Path) -> None:
    """Have this process log into LOG_FILE or, without one, beside the ledger: what people read is apart from it."""
    beside = {} if settings.log_file else {"log_file": f"{ledger}.log"}
    logs.begin(settings.model_copy(update=beside), "backfill")


@contextmanager
def _stopping(say: Callable[[str], None]) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Events that the first and the second Ctrl-C set."""
    stop, leave = threading.Event(), threading.Event()

    def asked(*_: object) -> None:
        if stop.is_set():
            leave.set()
            return
        stop.set()
        say("Stopping once what is under way is done; Ctrl-C again leaves that for the next run.")

    former = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop, leave
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


class _Telling:
    """Tells the operator now and then how far it is."""

    def __init__(self, ledger: Ledger, service: BackfillService, say: Callable[[str], None]) -> None:
        self._ledger, self._service, self._say = ledger, service, say
        self._next_at = time.monotonic() + _TELL_SECONDS

    def __call__(self) -> None:
        begun = time.monotonic()
        if begun >= self._next_at:
            self._say(f"{progress(self._ledger.counts())} {self._service.trouble}".rstrip())
            taken = time.monotonic() - begun
            self._next_at = begun + max(_TELL_SECONDS, taken / _COUNTING_SHARE)


def progress(counts: Sequence[Count]) -> str:
    """How far a backfill is, in a line."""
    counts = [count for count in counts if not count.is_ours]
    number = {state: sum(count.items for count in counts if count.state is state) for state in State}
    done = [count for count in counts if count.state is State.DONE]
    saved = sum(count.bytes - count.bytes_after for count in done)
    over = number[State.DONE] + number[State.SKIPPED] + number[State.FAILED]
    return (
        f"{over:,} of {sum(number.values()):,} are over: {number[State.DONE]:,} made smaller, "
        f"{number[State.SKIPPED]:,} left as they are, {number[State.FAILED]:,} failed; {saved / 1e6:,.1f} MB saved, "
        f"{number[State.TAKEN]:,} under way."
    )


def _size(text: str) -> int:
    try:
        size = parse_size(text) if text else 0
    except ValueError:
        size = -1
    if not isinstance(size, int) or size < 0:
        raise InvalidOption("min_size", text, ["bytes, or text such as 500KB or 1.5MB"])
    return size
