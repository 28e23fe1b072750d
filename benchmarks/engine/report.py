"""Figures as people read them: Markdown for a page, JSON for a program."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.engine.rows import Row
from benchmarks.engine.summary import SLOW_SECONDS, SLOW_TIMES, Line, Ratio, Time
from benchmarks.measure import machine

_BETWEEN = re.compile(r"(?<=<!-- benchmarks/engine -->\n).*?(?=<!-- end -->)", re.DOTALL)


def markdown(rows: Sequence[Row], lines: Sequence[Line], ratios: Sequence[Ratio], times: Sequence[Time]) -> str:
    """The tables, with what they were measured on."""
    days = sorted({row.run.partition(" ")[0] for row in rows})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    files = len({row.file for row in rows})
    pages = max((line.compared for line in lines), default=0)
    shown = [
        f"{files} files, {pages} pages compared, {machine()}, {when}.",
        "",
        "| tool | size (geometric mean) | size (total) | SSIM mean / 5th percentile | text changed | structure lost "
        "| PDF/A claims kept | grown | failed | seconds (of CPU) | peak MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        name = f"**{line.tool}**" if line.tool.startswith("pdfsmaller") else line.tool
        pixels = f", every pixel of {line.pixels_kept}" if line.pixels_kept * 2 > line.files else ""
        shown.append(
            f"| {name} | {line.geomean:.3f} | {line.total:.3f} | {line.ssim:.3f} / {line.ssim_5:.3f}{pixels} "
            f"| {line.text_changed} | {line.structure_lost} "
            f"| {line.claims_kept} of {line.claims} | {line.grown} | {line.failed} "
            f"| {line.seconds:.0f} ({line.cpu_seconds:.0f}) | {line.peak_mb} |"
        )
    if ratios:
        shown += ["", "| ours | over | size | smaller or equal |", "|---|---|---|---|"]
        shown += [
            f"| {ratio.ours} | {ratio.rival} | {ratio.value:.3f} | {ratio.smaller_or_equal} of {ratio.files} |"
            for ratio in ratios
        ]
    if times:
        bound = f"{SLOW_TIMES} × theirs + {SLOW_SECONDS} s"
        shown += [
            "",
            f"| ours | beside | seconds of CPU (geometric mean of files) | by the clock (the same) | CPU in all "
            f"| files over {bound} (CPU) | the worst, of that bound |",
            "|---|---|---|---|---|---|---|",
        ]
        shown += [
            f"| {time.ours} | {time.other} | {time.cpu:.2f} | {time.clock:.2f} | {time.cpu_total:.2f} "
            f"| {time.slow} of {time.files} | {time.worst:.2f} |"
            for time in times
        ]
    return "\n".join(shown) + "\n"


def as_json(lines: Sequence[Line], ratios: Sequence[Ratio], times: Sequence[Time]) -> str:
    """The same figures for programs."""
    found = {"tools": [asdict(line) for line in lines], "ratios": [asdict(ratio) for ratio in ratios]}
    found["times"] = [asdict(time) for time in times]
    return json.dumps(found, indent=1) + "\n"


def put_into(page: Path, tables: str) -> None:
    """Replace what stands between ``<!-- benchmarks/engine -->`` and ``<!-- end -->`` in a page.

    Raises:
        ValueError: the page has no such place.
    """
    text = page.read_text(encoding="utf-8")
    changed, places = _BETWEEN.subn(lambda _match: tables, text)
    if not places:
        raise ValueError(f"{page} has no place for the tables: <!-- benchmarks/engine --> … <!-- end -->")
    page.write_text(changed, encoding="utf-8")
