"""What every reader is given besides the file, and how it refuses one."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.damage import comes_through
from pdfsmaller.engine.disk import cannot_write
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.memory import ran_out_of_memory
from pdfsmaller.errors import LimitExceeded, PdfSmallerError, UnreadableImage
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

logger = logging.getLogger(__name__)


@record()
class Budget:
    """What is left for the images of one job: time, and bytes to decode.

    A small file may hold thousands of pages that all point to the same data: one image's limit does not bound a job.

    Attributes:
        deadline: when reading has to be over.
        decoded: bytes of the images read so far, counted as ``Limits.max_image_bytes`` says.
    """

    deadline: Deadline
    decoded: int = 0

    def spend(self, size: int, limits: Limits) -> None:
        """Take note of an image before it is decoded.

        Raises:
            LimitExceeded: ``max_job_image_bytes``, or ``hard_seconds`` once the rest of that is needed for writing.
        """
        if self.deadline.passed():
            raise LimitExceeded(
                "hard_seconds",
                limits.hard_seconds,
                f"The images take too long to read for the {limits.hard_seconds:g} seconds of hard_seconds. "
                "Split the job.",
            )
        self.decoded += size
        if self.decoded > limits.max_job_image_bytes:
            raise LimitExceeded(
                "max_job_image_bytes",
                limits.max_job_image_bytes,
                f"The images of the job take {self.decoded:,} bytes and more together; max_job_image_bytes allows "
                f"{limits.max_job_image_bytes:,}. Split the job.",
            )


@record(frozen=True)
class Reading:
    """One file being read: what its owner calls it, what is asked of its image, and what it may cost.

    Attributes:
        budget: what all files of the job may cost together.
    """

    name: str
    goal: Goal
    limits: Limits
    budget: Budget

    def broken(self, how: str) -> UnreadableImage:
        """The error for a file that cannot be used; ``how`` goes on after the name ("is cut short")."""
        return UnreadableImage(f"{self.name} {how}. Save it again, or leave it out.")

    @contextmanager
    def guard(self, kind: str) -> Iterator[None]:
        """Turn what a codec raises, which may be anything, into UnreadableImage, or into MemoryError if that is it.
        That nothing can be written is not the file's fault, and comes through.
        Python warnings about odd metadata, of no use to anybody here, are dropped."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except (PdfSmallerError, MemoryError):
            raise
        except Exception as exc:
            if ran_out_of_memory(exc):
                raise MemoryError from exc
            if comes_through(exc) or cannot_write(exc):
                raise
            logger.info("%s image not readable: %s", kind, type(exc).__name__)
            raise self.broken(f"is a {kind} image that is damaged or cut short") from None

    def vips_failed(self, exc: Exception, how: str) -> UnreadableImage:
        """The same for an error of libvips. Raises MemoryError where that is what it says, and ``exc`` where it could
        not write."""
        if ran_out_of_memory(exc):
            raise MemoryError from exc
        if cannot_write(exc):
            raise exc
        return self.broken(how)

    def check_size(self, width: int, height: int, pixel_bytes: int) -> None:
        """Raises LimitExceeded over ``max_image_bytes`` and the job's budget, UnreadableImage if there are no pixels.
        Nothing is decoded before.

        Args:
            pixel_bytes: what a pixel takes, decoded: a byte for each component, two of 16 bits.
        """
        if width < 1 or height < 1:
            raise self.broken("says that it has no pixels")
        size, allowed = width * height * pixel_bytes, self.limits.max_image_bytes
        if size > allowed:
            raise LimitExceeded(
                "max_image_bytes",
                allowed,
                f"{self.name} has {width:,} × {height:,} pixels, which take {size:,} bytes; max_image_bytes allows "
                f"{allowed:,}. Make it smaller.",
            )
        self.budget.spend(size, self.limits)

    def check_pages(self, pages: int) -> None:
        """Raises LimitExceeded over ``max_pages``."""
        allowed = self.limits.max_pages
        if pages > allowed:
            raise LimitExceeded(
                "max_pages",
                allowed,
                f"{self.name} brings the PDF to over {allowed:,} pages, which max_pages allows. Split the job.",
            )
