"""The table in numbers, as Markdown."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import heading
from benchmarks.sweep.row import Row

#: Findings that a person has looked into and that are no loss, with the reason.
EXPLAINED = Path(__file__).with_name("explained.tsv")
# What says that a step, or what it did to some images or fonts, did not compare equal: each may be an error of ours.
_TAKEN_BACK = {"structure_kept", "content_kept", "fonts_kept", "image_rolled_back", "font_rolled_back"}


def markdown(rows: Sequence[Row], preset: str) -> str:
    """Outcomes by suite, sizes, every finding, and every document of which something was taken back."""
    suites = sorted({row.suite for row in rows})
    outcomes = Counter(row.outcome for row in rows)
    warned = Counter(code for row in rows for code in row.warnings.split(",") if code)
    worked = [row for row in rows if row.bytes_out]
    before, after = sum(row.bytes_in for row in worked), sum(row.bytes_out for row in worked)
    lines = [
        *heading(f"python -m benchmarks.sweep --corpus DIR --out DIR/sweep.tsv --preset {preset}"),
        f"{len(rows)} documents of {len(suites)} suites: "
        + ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common())
        + ".",
        "",
        f"{before:,} bytes became {after:,}" + (f" ({after / before:.3f})." if before else "."),
        "",
        "Warnings: " + (", ".join(f"{number} {code}" for code, number in warned.most_common()) or "none") + ".",
        "",
        "| suite | documents | smaller | refused | findings |",
        "|---|---|---|---|---|",
    ]
    for suite in suites:
        mine = [row for row in rows if row.suite == suite]
        smaller, refused = sum(0 < r.bytes_out < r.bytes_in for r in mine), sum(not r.bytes_out for r in mine)
        lines.append(f"| {suite} | {len(mine)} | {smaller} | {refused} | {sum(bool(r.finding) for r in mine)} |")
    found = [row for row in rows if row.finding]
    with EXPLAINED.open(encoding="utf-8", newline="") as table:
        why = {line["file"]: line["why"] for line in csv.DictReader(table, delimiter="\t")}
    lines += ["", "| document | outcome | finding | least SSIM | what it is |", "|---|---|---|---|---|"]
    lines += [f"| {row.file} | {row.outcome} | {row.finding} | {row.ssim} | {why.get(row.file, '')} |" for row in found]
    taken = [row for row in rows if not row.finding and _TAKEN_BACK & set(row.warnings.split(","))]
    lines += ["", "Of these something was taken back, since it was not the same; nothing is lost but size:", ""]
    lines += ["| document | bytes | then | taken back |", "|---|---|---|---|"]
    lines += [f"| {row.file} | {row.bytes_in:,} | {row.bytes_out:,} | {row.warnings} |" for row in taken]
    return "\n".join(lines) + "\n"
