"""The one place for limits: what a document may cost before it is refused.

``Limits`` travels with a job to the engine; ``settings.Settings.limits()`` fills it from the environment. The
defaults fit a Lambda worker of 3,538 MB that has 300 seconds for a job.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_HARD_SECONDS = 240.0
#: Of the time until the engine's process is killed: when it stops improving. The rest is for writing what it has.
_SOFT_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one document.

    Attributes:
        max_pages: pages in a document.
        max_parts: files that one document is cut into, or pages of it that are pictured.
        max_results_bytes: all results of one job together, where it has several, in bytes.
        max_image_bytes: one image, decoded, in bytes: one for each component of a pixel, two where it has 16 bits. In a
            PDF an image over it stays as it is; as an input of its own it is refused.
        max_job_image_bytes: all image files of one job, decoded, counted in the same way.
        max_stream_bytes: one stream, decoded, in bytes.
        memory_bytes: address space of the engine's process (RLIMIT_AS), in bytes.
        max_file_bytes: one file that the engine writes (RLIMIT_FSIZE), in bytes.
        max_open_files: files that it has open at once (RLIMIT_NOFILE).
        soft_seconds: the engine stops improving the file and writes what it has after this long.
        hard_seconds: the engine's process is killed after this long, or after as much time of every processor
            (RLIMIT_CPU).
    """

    max_pages: int = 10_000
    max_parts: int = 1_000
    max_results_bytes: int = 1_000_000_000
    max_image_bytes: int = 750_000_000
    max_job_image_bytes: int = 30_000_000_000
    max_stream_bytes: int = 1_000_000_000
    memory_bytes: int = 3_000_000_000
    max_file_bytes: int = 2_000_000_000
    max_open_files: int = 1_024
    soft_seconds: float = _HARD_SECONDS * _SOFT_SHARE
    hard_seconds: float = _HARD_SECONDS

    def within(self, seconds: float) -> Limits:
        """The same limits for a run that is killed after ``seconds``; the soft limit goes with it."""
        return replace(self, hard_seconds=seconds, soft_seconds=seconds * _SOFT_SHARE)
