"""Building a result: a fresh copy of the source, the chosen images put in, tidied, saved.

Every build starts from the source as it was, so that leaving something out again (an image that failed the comparison,
a structural step) is just another build, and nothing is ever compressed twice.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import field
from pathlib import Path

from pikepdf import Pdf

from pdfsmaller.engine.analysis import Analysis
from pdfsmaller.engine.attempt import Attempt, Built
from pdfsmaller.engine.clock import Deadline, Stopwatch
from pdfsmaller.engine.color.profiles import srgb_profiles
from pdfsmaller.engine.content.rewrite import ContentCache, rewrite_content, tolerance
from pdfsmaller.engine.document import correct_page_count, drop_usage_rights, open_pdf, strip_metadata
from pdfsmaller.engine.fonts.shrink import FontCache, shrink_fonts
from pdfsmaller.engine.images.apply import apply_images
from pdfsmaller.engine.images.inline import externalize_inline_images
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.save import Policy, save
from pdfsmaller.engine.structure.tidy import StructureCache, tidy
from pdfsmaller.limits import Limits
from pdfsmaller.records import record


@record()
class Builder:
    """How one source becomes results.

    Attributes:
        analysis: of the source.
        pdfa: the part of PDF/A claimed, or None.
        cache, fonts, content: what several builds need alike.
    """

    source: Path
    password: str | None
    options: CompressOptions
    limits: Limits
    deadline: Deadline
    watch: Stopwatch
    analysis: Analysis
    pdfa: int | None
    cache: StructureCache = field(default_factory=StructureCache)
    fonts: FontCache = field(default_factory=FontCache)
    content: ContentCache = field(default_factory=ContentCache)

    def build(self, target: Path, attempt: Attempt, *, opened: Pdf | None = None) -> Built:
        """Write a result.

        Args:
            opened: the source as it was analysed, which is changed and of no use afterwards; opened anew by default.
        """
        color_left = False
        with self.watch.stage("write"), ExitStack() as stack:
            pdf = opened
            if pdf is None:
                pdf = stack.enter_context(open_pdf(self.source, self.password, self.limits))
                externalize_inline_images(pdf, self.analysis.inline, self.limits)
            apply_images(pdf, attempt.images)
            mode = self.options.color_mode or "no-change"
            if mode != "no-change":
                from pdfsmaller.engine.color.mode import take_color_out

                color_left = take_color_out(pdf, self.analysis.streams, mode, self.limits)
            if "fonts" not in attempt.left_out:
                with self.watch.stage("fonts"):
                    shrink_fonts(
                        pdf,
                        self.fonts,
                        self.limits,
                        self.deadline,
                        usage=self.analysis.usage,
                        pdfa=self.pdfa,
                        kept=attempt.kept_fonts,
                    )
            if "content" not in attempt.left_out:
                lossless = self.options.effective_quality is None
                most = 0.0 if lossless else tolerance(self.options.effective_dpi)
                with self.watch.stage("content"):
                    rewrite_content(
                        pdf,
                        self.content,
                        self.analysis.streams,
                        self.analysis.scales,
                        self.limits,
                        self.deadline,
                        tolerance=most,
                    )
            with self.watch.stage("structure"):
                self._write(pdf, target, compact="structure" not in attempt.left_out)
        return Built(target.stat().st_size, color_left)

    def _write(self, pdf: Pdf, target: Path, *, compact: bool) -> None:
        if compact:
            tidy(
                pdf,
                self.cache,
                self.limits,
                self.deadline,
                effort=self.options.effort,
                pdfa=self.pdfa is not None,
                exact=self.exact,
            )
        if self.options.strip_metadata:
            strip_metadata(pdf)
        drop_usage_rights(pdf)
        correct_page_count(pdf)
        options = self.options
        policy = Policy(self.pdfa, options.linearize, compact=compact, effort=options.effort, exact=self.exact)
        keep_profiles = self.exact or self.pdfa is not None
        save(pdf, target, policy, device_rgb=lambda: set() if keep_profiles else srgb_profiles(pdf, self.limits))

    @property
    def exact(self) -> bool:
        """No pixel may change."""
        return self.options.effective_quality is None
