"""What is taken back of a result that does not compare equal, or could not be compared.

Images and fonts on the pages concerned go first, then one step after the other as a whole, at last all images. Pages of
which nothing is known are treated as if they differed in whatever could be lost on them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from pdfsmaller.engine.attempt import STEPS, Attempt, Step
from pdfsmaller.engine.build import Builder
from pdfsmaller.engine.comparison import Comparison, Difference
from pdfsmaller.engine.document import open_pdf
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.find import Found
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.images.inline import externalize_inline_images
from pdfsmaller.engine.images.work import encode_images
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.records import record


def holds(tried: Attempt, comparison: Comparison) -> bool:
    """Whether a result may be handed out: nothing differs, and what could not be compared has lost nothing."""
    if comparison.differences or not comparison.unproven <= tried.unproven:
        return False
    return _unverified_steps(comparison) <= set(tried.left_out)


@record(frozen=True)
class Rollback:
    """Attempts after the first, of one document.

    Attributes:
        goal: what was asked of its images.
        warn: takes the code and the text of what was taken back.
    """

    builder: Builder
    goal: Goal
    warn: Callable[[str, str], None]

    def after(self, tried: Attempt, comparison: Comparison, *, first: bool) -> Attempt | None:
        """What is to be tried next, or None where nothing is left to be taken back.

        Args:
            comparison: of what was tried, by which it does not hold.
            first: nothing was taken back yet.
        """
        differences = comparison.differences
        unverified = _unverified_steps(comparison)
        if not differences:
            return self._without_loss_on(tried.unproven | comparison.unproven, unverified, tried)
        # Images coded without loss are the last to be suspected.
        pages = {difference.page for difference in differences if difference.kind == "looks"}
        lossy = {objgen: image for objgen, image in tried.images.items() if not image.exact}
        guilty = _images_on(self._found, tried.images, pages) & (lossy.keys() | _paired(self._found, set(lossy)))
        if guilty:
            return self._without_loss(guilty, tried, again=first)
        fonts = self._fonts_on(_pages(differences), tried) if "fonts" not in tried.left_out else set()
        if fonts:
            self.warn("font_rolled_back", f"Fonts on pages that differed stayed as before: {len(fonts)}.")
            return replace(tried, kept_fonts=tried.kept_fonts | fonts)
        if suspects := [step for step in STEPS if step not in tried.left_out]:
            # What is gone from the structure, neither fonts nor content can have taken.
            seen = any(difference.kind in ("text", "looks") for difference in differences)
            step = suspects[0] if seen else suspects[-1]
            self.warn(f"{step}_kept", f"The {step} stayed as before: {differences[0].message}")
            return replace(tried, left_out=(*tried.left_out, step))
        if tried.images:
            rolled_back = tried.rolled_back + len(tried.images)
            return replace(tried, images={}, left_out=_in_order(unverified), rolled_back=rolled_back)
        return None

    @property
    def _found(self) -> Found:
        return self.builder.analysis.found

    def _fonts_on(self, pages: Collection[int], tried: Attempt) -> set[ObjGen]:
        """The changed fonts that these pages show."""
        return self.builder.fonts.changed_on(pages, tried.kept_fonts)

    def _without_loss(self, guilty: set[ObjGen], tried: Attempt, *, again: bool) -> Attempt:
        """The images whose loss shows without it.

        Args:
            again: they may be coded once more, with less loss.
        """
        layered = {objgen for objgen in guilty if tried.images[objgen].over is not None}
        how = "whole" if layered == guilty else "with less loss" if layered else "without loss"
        self.warn("image_rolled_back", f"Images whose loss showed were coded {how}: {len(guilty)}.")
        images = {objgen: image for objgen, image in tried.images.items() if objgen not in guilty}
        if again:
            effort = self.builder.options.effort
            for some, less in (
                (layered, replace(self.goal, layers="never")),
                (guilty - layered, Goal(None, None, effort=effort, bilevel=self.goal.bilevel)),
            ):
                images |= self._coded(some, less) if some else {}
        return replace(tried, images=images, rolled_back=tried.rolled_back + len(guilty - images.keys()))

    def _without_loss_on(self, pages: frozenset[int], unverified: set[Step], tried: Attempt) -> Attempt:
        """Nothing lost on these pages, and without the steps that may have lost what nobody has looked at."""
        left_out = _in_order(unverified.union(tried.left_out))
        fonts = tried.kept_fonts | self._fonts_on(pages, tried)
        following = replace(tried, left_out=left_out, kept_fonts=fonts, unproven=pages)
        lossy = {objgen for objgen, image in tried.images.items() if not image.exact}
        placeless = {objgen for objgen, image in self._found.images.items() if not image.pages}
        # On these pages, or on nobody knows which.
        shown = (_images_on(self._found, tried.images, pages) | placeless) & tried.images.keys()
        if shown.isdisjoint(lossy):
            return following
        with_loss = {objgen for objgen in shown if objgen in lossy or objgen in _paired(self._found, lossy)}
        kept = {objgen: image for objgen, image in tried.images.items() if objgen not in with_loss}
        kept |= self._coded(with_loss, Goal(None, None, effort=self.builder.options.effort, bilevel=self.goal.bilevel))
        return replace(following, images=kept, rolled_back=tried.rolled_back + len(with_loss - kept.keys()))

    def _coded(self, images: Iterable[ObjGen], goal: Goal) -> dict[ObjGen, Encoded]:
        """Some of the images coded once more, as the goal has it."""
        builder = self.builder
        with builder.watch.stage("images"), open_pdf(builder.source, builder.password, builder.limits) as pdf:
            externalize_inline_images(pdf, builder.analysis.inline, builder.limits)
            some = Found({objgen: self._found.images[objgen] for objgen in images})
            return encode_images(pdf, some, goal, builder.limits, builder.deadline, lambda _tally: None).encoded


def _in_order(steps: Collection[Step]) -> tuple[Step, ...]:
    return tuple(step for step in STEPS if step in steps)


def _unverified_steps(comparison: Comparison) -> set[Step]:
    """The steps that might take away something that was not looked at."""
    if comparison.unproven:
        return {"content", "structure"}
    return {"structure"} if "unreadable" in comparison.structure_skipped.values() else set()


def _pages(differences: list[Difference]) -> set[int]:
    """The pages whose text or looks differ."""
    return {diff.page for diff in differences if diff.kind in ("text", "looks") and diff.page is not None}


def _images_on(found: Found, encoded: Mapping[ObjGen, Encoded], pages: Collection[int | None]) -> set[ObjGen]:
    """The changed images shown on these pages."""
    shown = {
        objgen for objgen in encoded if objgen in found.images and not found.images[objgen].pages.isdisjoint(pages)
    }
    return shown | (_paired(found, shown) & encoded.keys())


def _paired(found: Found, images: set[ObjGen]) -> set[ObjGen]:
    """What can only change together with these: a matted image's mask, or a mask's image."""
    return {one for pair in found.matted if not images.isdisjoint(pair) for one in pair}
