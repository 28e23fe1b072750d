"""What a backfill would save, and what it would take: estimated over documents that stand for all."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from pdfsmaller import errors, sandbox, workspace
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.operations import DEFAULT
from pdfsmaller.services.backfill.ledger import CHANGED
from pdfsmaller.services.backfill.placing import UNCHANGED
from pdfsmaller.services.backfill.sample import Stratum, choose

if TYPE_CHECKING:
    from pdfsmaller.engine.report import Report
    from pdfsmaller.jobs.collections import Original
    from pdfsmaller.limits import Limits
    from pdfsmaller.services.backfill.plan import Plan

#: How far one document's estimate is off, as a share of the document (``benchmarks/dry_run``: the 90th percentile with
#: ebook is 1.9 %, with lossless 6.4 %), taken for one standard deviation.
_ESTIMATE_OFF = 0.04
#: Of documents of one size of which one alone was looked at, how far the others' saving differs, as a share of them.
_UNKNOWN = 0.3
#: Standard deviations in the spread: 19 of 20 times what is expected lies within it.
_DEVIATIONS = 1.96


@dataclass(frozen=True, slots=True)
class Looked:
    """One document that was looked at: what would be saved of it, in bytes, in how many seconds; where nothing would,
    the code of why.
    """

    bytes: int
    saved: int
    seconds: float
    code: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of a backfill.

    Attributes:
        documents, bytes: all that would be taken.
        looked_at: how many of them were looked at.
        saved, spread: bytes that are expected to be saved, and how many more or fewer it may be.
        seconds: of work, on two processors.
        codes: why nothing would be saved of some that were looked at, and of how many.
    """

    documents: int
    bytes: int
    looked_at: int
    saved: float
    spread: float
    seconds: float
    codes: dict[str, int]


def expect(
    plan: Plan, limits: Limits, *, at_most: int, max_bytes: int, tell: Callable[[int, int], None] = lambda *_: None
) -> Expectation:
    """Look at about ``at_most`` of the documents.

    Args:
        max_bytes: the largest document that is taken (MAX_FILE_SIZE).
        tell: told how many of how many were looked at.

    Raises:
        CollectionUnusable, InvalidInventory, TransientError.
    """
    strata = choose(plan.wanted(), at_most)
    options = replace(plan.options, dry_run=True, target_size=None)
    chosen = [original for stratum in strata for original in stratum.chosen]
    done = 0

    def look(original: Original) -> Looked:
        if original.bytes > max_bytes:
            return Looked(original.bytes, 0, 0.0, errors.FileTooLarge.code)
        with workspace.job_folder() as folder:
            source = InputFile(folder / "original.pdf", original.name.rpartition("/")[2])
            try:
                if not plan.source.fetch(original, source.path):
                    return Looked(original.bytes, 0, 0.0, CHANGED)
                report = cast("Report", sandbox.run(DEFAULT, [source], folder, options, limits).report)
            except (errors.RequestError, errors.DocumentError) as exc:
                return Looked(original.bytes, 0, 0.0, exc.code)
        saved = max(0, original.bytes - report.output_bytes)
        warnings = [warning.code for warning in report.warnings if warning.code == "signed"]
        code = "" if saved else (warnings or [UNCHANGED])[0]
        return Looked(original.bytes, saved, report.expected_seconds or 0.0, code)

    sandbox.warm_up()  # before there are threads
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        looked = []
        for item in pool.map(look, chosen):
            looked.append(item)
            done += 1
            tell(done, len(chosen))
    answers = iter(looked)
    return expected([(stratum, [next(answers) for _ in stratum.chosen]) for stratum in strata])


def expected(strata: Sequence[tuple[Stratum, list[Looked]]]) -> Expectation:
    """What follows for all from those that were looked at: of each size what these save, in proportion to the bytes."""
    saved = seconds = variance = 0.0
    everywhere = _share(item for _, looked in strata for item in looked)
    for stratum, looked in strata:
        seen = sum(item.bytes for item in looked)
        share = _share(looked) if seen else everywhere
        saved += share * stratum.bytes
        seconds += sum(item.seconds for item in looked) * (stratum.bytes / seen if seen else 0.0)
        variance += _variance(stratum, looked, share)
    looked_at = [item for _, looked in strata for item in looked]
    return Expectation(
        documents=sum(stratum.documents for stratum, _ in strata),
        bytes=sum(stratum.bytes for stratum, _ in strata),
        looked_at=len(looked_at),
        saved=saved,
        spread=_DEVIATIONS * math.sqrt(variance),
        seconds=seconds,
        codes=dict(Counter(item.code for item in looked_at if item.code).most_common()),
    )


def _share(looked: Iterable[Looked]) -> float:
    """What is saved, as a share of the bytes."""
    items = list(looked)
    total = sum(item.bytes for item in items)
    return sum(item.saved for item in items) / total if total else 0.0


def _variance(stratum: Stratum, looked: list[Looked], share: float) -> float:
    """Of what is expected of one size: those that were not looked at differ, and estimates are off.

    A stratified ratio estimate's (Cochran, Sampling Techniques, section 6.11).
    """
    off = sum((_ESTIMATE_OFF * item.bytes) ** 2 for item in looked)
    unseen = stratum.documents - len(looked)
    if not unseen or not looked:
        return off
    if len(looked) > 1:
        differ = sum((item.saved - share * item.bytes) ** 2 for item in looked) / (len(looked) - 1)
    else:
        differ = (_UNKNOWN * stratum.bytes / stratum.documents) ** 2
    all_like_these = (stratum.documents / len(looked)) ** 2
    return all_like_these * (unseen / stratum.documents * len(looked) * differ + off)
