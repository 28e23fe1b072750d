"""Rows to figures: one line for each tool, and ratios of ours to rivals over the same files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.engine.rows import Row
from benchmarks.engine.tools import EBOOK, EBOOK_PEERS, GS_EBOOK, GS_SCREEN, LOSSLESS, LOSSLESS_PEERS, SCREEN, Tool

#: Below this similarity the page is not there any more: such a result is compared with nothing.
GONE_SSIM = 0.60


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
