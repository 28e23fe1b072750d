"""What is known of the whole service, gathered from its stores: the same at every host, whichever is asked."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from pdfsmaller import __version__
from pdfsmaller.errors import StoreUnavailable
from pdfsmaller.http import workers
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.figures import SERIES, Kind, Series
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from pdfsmaller.jobs.figures import Figure
    from pdfsmaller.services.world import World

logger = get_logger("upload")


def gather(world: World) -> list[Metric]:
    """All that can be had. ``store_up`` says whether that is everything: what is away is left out, not 0."""
    info = GaugeMetricFamily("pdfsmaller_build_info", "1, with the version that answers.", labels=["version"])
    info.add_metric([__version__], 1)
    found: list[Metric] = [info]
    up = True
    for part in (_queues, _jobs, _workers, _kept, _storage):
        try:
            found += part(world)
        except StoreUnavailable as exc:
            logger.warning("metrics are not complete", extra={"reason": exc.message})
            up = False
            break  # the others would wait for it as long
        except Exception:
            logger.warning("metrics are not complete", exc_info=True)
            up = False
    found.append(_gauge("store_up", "Whether all stores answered: 1, or 0 where one is away.", float(up)))
    return found


def _queues(world: World) -> Iterator[Metric]:
    messages = GaugeMetricFamily(
        "queue_messages",
        "Messages that wait, and those that are worked on or come again later.",
        labels=["queue", "state"],
    )
    oldest = GaugeMetricFamily(
        "queue_oldest_message_age_seconds",
        "How long the message has waited that anybody may receive and has been there for longest, in seconds.",
        labels=["queue"],
    )
    dead = GaugeMetricFamily("dead_letters", "Messages whose every delivery failed.", labels=["queue"])
    for name, queue in (("jobs", world.queue), ("callbacks", world.callbacks)):
        for state, number in queue.depth().items():
            messages.add_metric([name, state], number)
        backlog = queue.backlog()
        if backlog.oldest_seconds is not None:
            oldest.add_metric([name], backlog.oldest_seconds)
        if backlog.dead_letters is not None:
            dead.add_metric([name], backlog.dead_letters)
    yield from (messages, oldest, dead)


def _jobs(world: World) -> Iterator[Metric]:
    yield _gauge("active_compression_jobs", "Jobs that a worker is at.", world.jobs.count(Status.RUNNING))


def _workers(world: World) -> Iterator[Metric]:
    if world.workers is None:
        return
    alive, latest = workers.look(world, world.workers)
    yield _gauge("workers_alive", "Workers that gave a sign of life lately.", alive)
    if latest:
        yield _gauge("worker_heartbeat_timestamp_seconds", "The last sign of life of any worker.", latest.seen_at or 0)


def _storage(world: World) -> Iterator[Metric]:
    ratio = world.storage.used_ratio()
    if ratio is not None:
        meaning = "How full the folder of files is, from 0 to 1: of its disk or of STORAGE_MAX_BYTES, the fuller one."
        yield _gauge("storage_used_ratio", meaning, ratio)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


# What is kept


def _kept(world: World) -> Iterator[Metric]:
    if world.figures is None:
        return
    figures: dict[str, list[Figure]] = defaultdict(list)
    for figure in world.figures.all():
        figures[figure.name].append(figure)
    make: dict[Kind, Callable[[Series, dict[str, list[Figure]]], Metric]] = {
        Kind.COUNTER: _counter,
        Kind.GAUGE: _last,
        Kind.HISTOGRAM: _histogram,
    }
    yield from (make[series.kind](series, figures) for series in SERIES)


def _counter(series: Series, figures: dict[str, list[Figure]]) -> Metric:
    family = CounterMetricFamily(series.name.removesuffix("_total"), series.meaning, labels=series.labels)
    for labels, value in _values(series, figures[series.name]):
        family.add_metric(labels, value)
    return family


def _last(series: Series, figures: dict[str, list[Figure]]) -> Metric:
    family = GaugeMetricFamily(series.name, series.meaning, labels=series.labels)
    for labels, value in _values(series, figures[series.name]):
        family.add_metric(labels, value)
    return family


def _histogram(series: Series, figures: dict[str, list[Figure]]) -> Metric:
    family = HistogramMetricFamily(series.name, series.meaning, labels=series.labels)
    observed: dict[tuple[str, ...], list[tuple[float, float]]] = defaultdict(list)
    for figure in figures[f"{series.name}_bucket"]:
        observed[_labels(series, figure)].append((float(figure.labels["le"]), figure.value))
    for labels, total in _values(series, figures[f"{series.name}_sum"]):
        buckets = [
            (str(float(bound)).replace("inf", "+Inf"), sum(number for at, number in observed[labels] if at <= bound))
            for bound in (*series.bounds, math.inf)
        ]
        family.add_metric(labels, buckets, total)
    return family


def _values(series: Series, figures: Iterable[Figure]) -> Iterator[tuple[tuple[str, ...], float]]:
    return ((_labels(series, figure), figure.value) for figure in figures)


def _labels(series: Series, figure: Figure) -> tuple[str, ...]:
    """Those of the series alone; a figure that another version kept may lack one, or have more."""
    return tuple(figure.labels.get(name, "") for name in series.labels)
