"""A finished job's result is laid beside the documents, or takes its document's place: only once it is verified."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from pdfsmaller import errors, sandbox, workspace
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import InspectOptions
from pdfsmaller.jobs.collections import is_in_store
from pdfsmaller.services.backfill.ledger import Item, Ledger, State
from pdfsmaller.services.reuse import sha256_of

if TYPE_CHECKING:
    from pdfsmaller.jobs.collections import Collection, Original
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.services.backfill.plan import Plan
    from pdfsmaller.services.world import World

#: Why a document is left as it is that could not be made smaller, where no warning of the job's says more.
UNCHANGED = "unchanged"
#: Warnings of a job that say why it gave back what it got.
_WHY_UNCHANGED = ("signed", "saving_too_small", "verification_failed")
#: Outcomes that a result may have and still be worth having.
_SMALLER = ("compressed", "target_not_met")


class Placing:
    """Lays results."""

    def __init__(self, world: World, plan: Plan, ledger: Ledger) -> None:
        self._storage, self._limits = world.storage, world.settings.limits()
        self._plan, self._ledger = plan, ledger

    def place(self, item: Item, job: Job) -> bool:
        """Put the result of an item's job where it belongs, and end the item; False, and nothing done, where the
        document is no longer what it was.

        Raises:
            JobExpired: the result is gone.
            ResultNotVerified: it must not take the document's place.
            DocumentError, CollectionUnusable, TransientError, OSError.
        """
        if self._plan.source.look(item.original.name) != item.original:
            return False
        report = (job.result or {}).get("report", {})
        outcome = report.get("outcome")
        if outcome not in _SMALLER or job.results[0].bytes >= item.original.bytes:
            warnings = {warning["code"]: warning["message"] for warning in job.warnings}
            code = next((code for code in _WHY_UNCHANGED if code in warnings), UNCHANGED)
            self._ledger.end(item, State.SKIPPED, code, warnings.get(code, "It could not be made smaller."))
            return True
        with workspace.job_folder() as folder:
            result = folder / "result.pdf"
            self._fetch(job, result)
            code = "" if outcome == "compressed" else str(outcome)
            if self._plan.to:
                self._lay(item, self._plan.to, result, code)
                return True
            self._verify(report, result)
            return self._replace(item, result, folder, code)

    def stands(self, item: Item) -> bool:
        """Whether the result of an item, which was about to be laid, lies where it should; the item is then over."""
        where = self._plan.to or self._plan.source
        now = where.look(item.original.name)
        if now is None or now.bytes != item.bytes_after:
            return False
        with workspace.job_folder() as folder:
            there = where.fetch(now, folder / "now.pdf")
            if not there or sha256_of(folder / "now.pdf") != item.sha256:
                return False
        if self._plan.to:
            self._ledger.end(item, State.DONE, bytes_after=now.bytes)
        else:
            self._ledger.replaced(item, now)
        return True

    def _fetch(self, job: Job, target: Path) -> None:
        result = job.results[0]
        if not self._storage.download(self._storage.results, result.key, target):
            raise errors.JobExpired("The job's files were deleted.")
        if target.stat().st_size != result.bytes:
            raise errors.ResultNotVerified("The result has not the size that its job says. The original is untouched.")

    def _verify(self, report: dict[str, object], result: Path) -> None:
        """Refuse a result that was not compared with its document, does not open, or has other pages."""
        comparison = report.get("comparison")
        if not isinstance(comparison, dict) or comparison.get("mode") in (None, "off"):
            raise errors.ResultNotVerified("The result was not compared with the original, which is untouched.")
        options = InspectOptions(password=self._plan.options.password)
        try:
            pages = sandbox.inspect(InputFile(result, result.name), options, self._limits).get("pages")
        except errors.DocumentError as exc:
            raise errors.ResultNotVerified(
                f"The result does not open: {exc.message} The original is untouched."
            ) from exc
        if pages != report.get("pages"):
            raise errors.ResultNotVerified("The result has other pages than its job says. The original is untouched.")

    def _lay(self, item: Item, to: Collection, result: Path, code: str) -> None:
        name, size = item.original.name, result.stat().st_size
        if not self._ledger.may_have_laid(name) and to.look(name):
            raise errors.ResultNameTaken(
                "Something else lies where the result belongs. Move it, or name another place."
            )
        self._ledger.about_to_lay(item, sha256_of(result), size)
        to.lay(name, result)
        self._ledger.end(item, State.DONE, code, bytes_after=size)

    def _replace(self, item: Item, result: Path, folder: Path, code: str) -> bool:
        if self._plan.keep and not self._keep(item, self._plan.keep, folder):
            return False
        self._ledger.about_to_lay(item, sha256_of(result), result.stat().st_size)
        by = self._plan.source.replace(item.original, result)
        if by is None:
            return False
        self._ledger.replaced(item, by, code)
        return True

    def _keep(self, item: Item, keep: Collection, folder: Path) -> bool:
        """Keep a document, and over nothing that is kept already; False where it is no longer what it was."""
        source, original = self._plan.source, item.original
        if not source.fetch(original, folder / "original.pdf"):
            return False
        name = original.name
        if (kept := keep.look(name)) and keep.fetch(kept, folder / "kept.pdf"):
            if sha256_of(folder / "kept.pdf") == sha256_of(folder / "original.pdf"):
                return True
            name = _versioned(original)  # of an earlier version, which may be the only true original
        if is_in_store(source) and is_in_store(keep):
            return source.copy(original, *keep.at(name))
        keep.lay(name, folder / "original.pdf")
        return True


def _versioned(original: Original) -> str:
    """What an original is called where another version of it is kept already."""
    version = hashlib.sha256(original.version.encode()).hexdigest()[:12]
    stem, dot, suffix = original.name.rpartition(".")
    return f"{stem}~{version}.{suffix}" if dot else f"{suffix}~{version}"
