"""Rows to figures: one line for each tool, and ratios of ours to rivals over the same files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.engine import kept
from benchmarks.engine.rows import Row
from benchmarks.engine.tools import (
    EBOOK,
    EBOOK_PEERS,
    GS_EBOOK,
    GS_SCREEN,
    LOSSLESS,
    LOSSLESS_PEERS,
    SCREEN,
    TIMED,
    Tool,
)

#: Below this similarity the page is not there any more: such a result is compared with nothing.
GONE_SSIM = 0.60
#: A document is slow where ours takes more than so many times the other's seconds, and so many more.
SLOW_TIMES, SLOW_SECONDS = 3, 0.5
#: What a clock of hundredths cannot tell from nothing.
_TICK = 0.01


@dataclass(frozen=True, slots=True)
class Line:
    """One tool over all files.

    Attributes:
        failed: nothing came out that opens with all pages.
        grown: files that became larger.
        geomean, total: size over the original's: the mean of files, and of bytes; a failed or grown result counts as
            the original.
        ssim, ssim_5: similarity of rendered pages: the mean of files, and their 5th percentile.
        text_changed, structure_lost: files.
        pixels_kept: files of which every rendered page is the same pixel for pixel.
        compared: pages rendered of both.
        claims, claims_kept: files that say that they are PDF/A, and those whose result may still say so.
        seconds, cpu_seconds: in all. peak_mb: of the worst file.
    """

    tool: str
    files: int
    failed: int
    grown: int
    geomean: float
    total: float
    ssim: float
    ssim_5: float
    text_changed: int
    structure_lost: int
    pixels_kept: int
    compared: int
    claims: int
    claims_kept: int
    seconds: float
    cpu_seconds: float
    peak_mb: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours over a rival: the geometric mean over files, and on how many of them ours is smaller or equal."""

    ours: str
    rival: str
    value: float
    files: int
    smaller_or_equal: int


@dataclass(frozen=True, slots=True)
class Time:
    """Our seconds over another's, of the files that one run measured with both.

    Attributes:
        cpu, clock: geometric means over files: of all processors together, and by the clock.
        cpu_total: of all files together.
        slow: files that took more than ``SLOW_TIMES`` times the other's seconds of CPU and ``SLOW_SECONDS``.
        worst, worst_file: the largest share of that bound, and whose it is.
    """

    ours: str
    other: str
    files: int
    cpu: float
    clock: float
    cpu_total: float
    slow: int
    worst: float
    worst_file: str


def lines(rows: Iterable[Row], tools: Sequence[Tool]) -> list[Line]:
    """One line for each tool that has rows, in the order of ``tools``."""
    by_tool: dict[str, list[Row]] = {}
    for row in rows:
        by_tool.setdefault(row.tool, []).append(row)
    return [_line(tool.name, by_tool[tool.name]) for tool in tools if tool.name in by_tool]


def _line(name: str, rows: list[Row]) -> Line:
    worked = [row for row in rows if row.worked]
    seen = sorted(row.ssim for row in worked if row.ssim >= 0)
    return Line(
        tool=name,
        files=len(rows),
        failed=len(rows) - len(worked),
        grown=sum(row.grew for row in rows),
        geomean=round(_geomean([row.size / row.bytes_in for row in rows]), 4),
        total=round(sum(row.size for row in rows) / sum(row.bytes_in for row in rows), 4),
        ssim=round(sum(seen) / len(seen), 4) if seen else 0.0,
        ssim_5=round(seen[int(len(seen) * 0.05)], 4) if seen else 0.0,
        text_changed=sum(not row.text_kept for row in worked),
        structure_lost=sum(bool(row.lost) for row in worked),
        pixels_kept=sum(row.pixels_kept for row in worked),
        compared=sum(row.compared for row in rows),
        claims=sum(row.pdfa for row in rows),
        claims_kept=sum(row.pdfa and kept.PDFA not in row.lost.split(",") for row in worked),
        seconds=round(sum(row.seconds for row in rows), 1),
        cpu_seconds=round(sum(row.cpu_seconds for row in rows), 1),
        peak_mb=max(row.peak_mb for row in rows),
    )


def ratios(rows: Iterable[Row]) -> list[Ratio]:
    """How ours compares, file by file, with those that it is measured against."""
    by_file: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_file.setdefault(row.file, {})[row.tool] = row
    files = list(by_file.values())
    found = [
        _ratio(files, EBOOK, "the best honest rival of each file", _best(EBOOK_PEERS)),
        _ratio(files, EBOOK, "gs /ebook where it was honest", _one(GS_EBOOK, lambda row: row.honest)),
        _ratio(files, EBOOK, "gs /ebook, whatever it broke", _one(GS_EBOOK, _still_there)),
        _ratio(files, SCREEN, "gs /screen where it was honest", _one(GS_SCREEN, lambda row: row.honest)),
        _ratio(files, SCREEN, "gs /screen, whatever it broke", _one(GS_SCREEN, _still_there)),
        _ratio(files, LOSSLESS, "the best lossless rival of each file", _best(LOSSLESS_PEERS)),
    ]
    return [ratio for ratio in found if ratio.files]


def times(rows: Iterable[Row]) -> list[Time]:
    """How long ours take beside others, as far as they were measured in the same run."""
    found = {(row.file, row.tool): row for row in rows}
    compared = []
    for ours, other in TIMED:
        mine = [row for row in found.values() if row.tool == ours.name]
        pairs = [(row, found[row.file, other.name]) for row in mine if (row.file, other.name) in found]
        pairs = [(row, beside) for row, beside in pairs if row.run == beside.run]
        if pairs:
            compared.append(_time(ours.name, other.name, pairs))
    return compared


def _time(ours: str, other: str, pairs: list[tuple[Row, Row]]) -> Time:
    shares = {row.file: row.cpu_seconds / (SLOW_TIMES * beside.cpu_seconds + SLOW_SECONDS) for row, beside in pairs}
    worst = max(shares, key=lambda file: shares[file])
    return Time(
        ours=ours,
        other=other,
        files=len(pairs),
        cpu=round(_geomean([max(a.cpu_seconds, _TICK) / max(b.cpu_seconds, _TICK) for a, b in pairs]), 3),
        clock=round(_geomean([max(a.seconds, _TICK) / max(b.seconds, _TICK) for a, b in pairs]), 3),
        cpu_total=round(sum(a.cpu_seconds for a, _ in pairs) / max(sum(b.cpu_seconds for _, b in pairs), _TICK), 3),
        slow=sum(share > 1 for share in shares.values()),
        worst=round(shares[worst], 2),
        worst_file=worst,
    )


#: The size of a rival's result, given a file's rows by tool; None where there is none to compare with.
_Size = Callable[[dict[str, Row]], int | None]


def _best(peers: Sequence[Tool]) -> _Size:
    def size(found: dict[str, Row]) -> int | None:
        return min((found[peer.name].honest_size for peer in peers if peer.name in found), default=None)

    return size


def _one(peer: Tool, counts: Callable[[Row], bool]) -> _Size:
    def size(found: dict[str, Row]) -> int | None:
        row = found.get(peer.name)
        return row.size if row and counts(row) else None

    return size


def _still_there(row: Row) -> bool:
    return row.worked and not 0 <= row.ssim < GONE_SSIM


def _ratio(files: list[dict[str, Row]], ours: Tool, rival: str, size: _Size) -> Ratio:
    pairs = []
    for found in files:
        mine, other = found.get(ours.name), size(found)
        if mine and other:
            pairs.append((mine.size, other))
    value = _geomean([mine / other for mine, other in pairs])
    return Ratio(ours.name, rival, round(value, 4), len(pairs), sum(mine <= other for mine, other in pairs))


def _geomean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values)) if values else 0.0
