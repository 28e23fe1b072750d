"""What every reader is given besides the file, and how it refuses one."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pdfsmaller.engine.memory import ran_out_of_memory
from pdfsmaller.engine.options import Effort
from pdfsmaller.errors import LimitExceeded, PdfSmallerError, UnreadableImage
from pdfsmaller.limits import Limits

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """One file being read: what its owner calls it, how much time a byte is worth, and what it may cost."""

    name: str
    effort: Effort
    limits: Limits

    def broken(self, how: str) -> UnreadableImage:
        """The error for a file that cannot be used; ``how`` goes on after the name ("is cut short")."""
        return UnreadableImage(f"{self.name} {how}. Save it again, or leave it out.")

    @contextmanager
    def guard(self, kind: str) -> Iterator[None]:
        """Turn what a codec raises, which may be anything, into UnreadableImage, or into MemoryError if that is it.
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
            logger.info("%s image not readable: %s", kind, type(exc).__name__)
            raise self.broken(f"is a {kind} image that is damaged or cut short") from None

    def vips_failed(self, exc: Exception, how: str) -> UnreadableImage:
        """The same for an error of libvips. Raises MemoryError where that is what it says."""
        if ran_out_of_memory(exc):
            raise MemoryError from exc
        return self.broken(how)

    def check_size(self, width: int, height: int) -> None:
        """Raises LimitExceeded over ``max_image_pixels``, UnreadableImage if there are no pixels. Nothing is decoded
        before."""
        if width < 1 or height < 1:
            raise self.broken("says that it has no pixels")
        allowed = self.limits.max_image_pixels
        if width * height > allowed:
            raise LimitExceeded(
                "max_image_pixels",
                allowed,
                f"{self.name} has {width:,} × {height:,} pixels; max_image_pixels allows {allowed:,}. Make it smaller.",
            )

    def check_pages(self, pages: int) -> None:
        """Raises LimitExceeded over ``max_pages``."""
        allowed = self.limits.max_pages
        if pages > allowed:
            raise LimitExceeded(
                "max_pages",
                allowed,
                f"{self.name} brings the PDF to over {allowed:,} pages, which max_pages allows. Split the job.",
            )
