"""What a caller may ask of the engine: one frozen class for each operation, used by the API, the command and drops.

An option is described once, on its field (``option``): what it means, what it takes (its type and bounds), what it is
without being asked for (its default), and what else people see of it (``Shown``). The command's parameters, the API's
description, the page's fields, the README's tables and the texts of errors are all made from that.

Operations take their options together from the groups here; those that only one of them has are in its own package.
Plain dataclasses: what describes them to other programs (``models``) takes longer to load than a small job takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields, replace
from types import UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin

from pdfsmaller.engine import values
from pdfsmaller.engine.units import parse_size
from pdfsmaller.engine.values import types_of
from pdfsmaller.errors import InvalidOption
from pdfsmaller.records import record

Preset = Literal["lossless", "printer", "ebook", "screen", "scan"]
ColorMode = Literal["no-change", "grayscale", "bilevel"]
Bilevel = Literal["auto", "generic", "ccitt"]
Effort = Literal["fast", "default", "max"]
Verify = Literal["off", "sample", "full"]
OnError = Literal["fail", "skip"]

DPI_MIN, DPI_MAX = 36, 1200
QUALITY_MIN, QUALITY_MAX = 10, 100
TARGET_SIZE_MIN, TARGET_SIZE_MAX = 1_000, 10**12
#: An image is downsampled only when that takes away a third of its pixels.
DOWNSAMPLE_ABOVE = 1.2


@record(frozen=True)
class PresetValues:
    """What a preset stands for: target dpi (dots per inch; None = never downsample), JPEG quality (None = lossless)."""

    dpi: int | None
    image_quality: int | None


PRESETS: dict[Preset | None, PresetValues] = {
    None: PresetValues(144, 75),
    "lossless": PresetValues(None, None),
    "printer": PresetValues(300, 85),
    "ebook": PresetValues(150, 72),
    "screen": PresetValues(72, 60),
    "scan": PresetValues(150, 65),
}


@record(frozen=True)
class Shown:
    """What people see of an option beside its description, type and default.

    Attributes:
        metavar: what its value is called in the command's help.
        allowed: what it takes, in words, where its type does not tell.
        as_text: callers may also write it as text in another unit (``500KB``).
        repeated: as a form field it may come several times.
        per_input: one for each input, in order; on the command line it stands behind the input's name and a colon.
        label: what it is called on the web page; an option without one is not there.
        choices: its values on the page in words; those that are not named are not there.
        placeholder: an example in its field on the page.
    """

    metavar: str = ""
    allowed: str = ""
    as_text: bool = False
    repeated: bool = False
    per_input: bool = False
    label: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    placeholder: str = ""


@record(frozen=True)
class Described:
    """What an option is beside its type and default.

    Attributes:
        description: what it means, in a sentence for callers.
        low, high: the least and the largest value of a number.
        read: makes a value of what callers write (``500KB``). Raises ValueError.
        secret: its value must not be shown, stored in plain text or taken from metadata.
        shown: what else people see of it.
    """

    description: str
    low: float | None = None
    high: float | None = None
    read: Callable[[Any], Any] | None = None
    secret: bool = False
    shown: Shown = field(default_factory=Shown)


def option(
    description: str,
    shown: Shown | None = None,
    *,
    default: Any = MISSING,
    default_factory: Callable[[], Any] | Any = MISSING,
    low: float | None = None,
    high: float | None = None,
    read: Callable[[Any], Any] | None = None,
    secret: bool = False,
) -> Any:
    """A field of options (see ``Described``)."""
    described = Described(description, low, high, read, secret, shown or Shown())
    return field(default=default, default_factory=default_factory, repr=not secret, metadata={Described: described})


def on_error_option() -> Any:
    """What several inputs have in common: one of them may be of no use."""
    return option(
        "A file that cannot be used ends the job, which names it (fail), or is left out (skip).",
        Shown("HOW", label="Files that cannot be used", choices={"fail": "end the job", "skip": "are left out"}),
        default="fail",
    )


@record(frozen=True, kw_only=True)
class Options:
    """What every operation's options can do."""

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Options from untrusted fields (form, JSON, object metadata, command line).

        Empty text counts as not given.

        Raises:
            InvalidOption: naming the field, the value and what is allowed.
        """
        said = {name: value for name, value in given.items() if value not in (None, "")}
        read = {name: _read(cls, name, said[name]) for name in cls.names() if name in said}
        if unknown := next((name for name in said if name not in read), None):
            # Whatever it holds, it may be a password under a mistyped name.
            known = sorted(cls.names())
            message = f"There is no option {unknown!r}. Options: {', '.join(known)}."
            raise InvalidOption(unknown, "(hidden)", known, message)
        return cls(**read)

    def to_json(self, *, asked_for: bool = False) -> dict[str, Any]:
        """What ``parse`` makes the same options of, but for secrets.

        Args:
            asked_for: only what is not as it is by default.
        """
        return {
            name: value
            for name, value in values.written(self).items()
            if not self.is_secret(name) and not (asked_for and value == self.default(name))
        }

    @classmethod
    def names(cls) -> list[str]:
        """All options, in the order in which people are shown them."""
        return list(described(cls))

    @classmethod
    def description(cls, name: str) -> str:
        """What an option means."""
        return described(cls)[name].description

    @classmethod
    def shown(cls, name: str) -> Shown:
        """What people see of an option."""
        return described(cls)[name].shown

    @classmethod
    def default(cls, name: str) -> Any:
        """What an option is without being asked for."""
        default, made = _defaults(cls)[name]
        return default if made is MISSING else made()

    @classmethod
    def per_input(cls) -> str:
        """The name of the option that there is one of for each input; empty where there is none."""
        return next((name for name in cls.names() if cls.shown(name).per_input), "")

    @classmethod
    def is_secret(cls, name: str) -> bool:
        """Whether an option's value must not be shown, stored in plain text or taken from metadata."""
        return name in described(cls) and described(cls)[name].secret

    @classmethod
    def is_flag(cls, name: str) -> bool:
        """Whether an option is on or off."""
        return types_of(cls)[name] is bool

    @classmethod
    def values(cls, name: str) -> tuple[str, ...]:
        """An option's values, where they are a few words; otherwise none."""
        return tuple(
            value for kind in _kinds(types_of(cls)[name]) if get_origin(kind) is Literal for value in get_args(kind)
        )

    @classmethod
    def allowed(cls, name: str) -> list[str]:
        """What an option takes, in words a caller can act on."""
        if name not in described(cls):
            return sorted(cls.names())
        if values := cls.values(name):
            return list(values)
        if in_words := cls.shown(name).allowed:
            return [in_words]
        if cls.is_flag(name):
            return ["true", "false"]
        whole = "a whole number" if int in _kinds(types_of(cls)[name]) else "a number"
        low, high = described(cls)[name].low, described(cls)[name].high
        return [whole + ("" if low is None else f" from {low}") + ("" if high is None else f" to {high}")]

    @property
    def secret(self) -> str | None:
        """The password among the options, where there is one."""
        password: str | None = getattr(self, "password", None)
        return password

    def with_password(self, password: str) -> Self:
        """The same options with a password, of an operation that takes one."""
        return replace(self, password=password)  # type: ignore[call-arg]

    @property
    def leaves_out(self) -> bool:
        """Whether an input that cannot be used is left out, instead of failing the job."""
        return getattr(self, "on_error", "fail") == "skip"

    @property
    def only_reports(self) -> bool:
        """Whether nothing is to be made but a report."""
        return False

    def check_inputs(self, count: int) -> None:
        """Refuse options that do not fit so many inputs.

        Raises:
            InvalidOption.
        """


def described(options: type[Options]) -> Mapping[str, Described]:
    """What each option of a class is, in the order in which people are shown them."""
    if options not in _described:
        _described[options] = {one.name: one.metadata[Described] for one in fields(options)}
    return _described[options]


_described: dict[type[Options], Mapping[str, Described]] = {}


def _defaults(options: type[Options]) -> Mapping[str, tuple[Any, Any]]:
    """Each option's default and what makes it, of which one is missing."""
    if options not in _known_defaults:
        _known_defaults[options] = {one.name: (one.default, one.default_factory) for one in fields(options)}
    return _known_defaults[options]


_known_defaults: dict[type[Options], Mapping[str, tuple[Any, Any]]] = {}


def _read(options: type[Options], name: str, given: Any) -> Any:
    """An option's value. Raises InvalidOption."""
    about = described(options)[name]
    try:
        value = values.read(types_of(options)[name], about.read(given) if about.read else given)
        for bound, sign in ((about.low, 1), (about.high, -1)):
            if bound is not None and value is not None and not sign * value >= sign * bound:
                raise ValueError("out of bounds")
    except ValueError:
        shown = "(hidden)" if options.is_secret(name) else given
        raise InvalidOption(name, shown, options.allowed(name)) from None
    return value


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type itself."""
    if get_origin(annotation) in (UnionType, Union):
        return tuple(get_args(annotation))
    return (annotation,)


@record(frozen=True, kw_only=True)
class OutputOptions(Options):
    """How whatever the operation writes is made smaller."""

    preset: Preset | None = option(
        "Sets dpi and quality together: lossless, printer (300 dpi), ebook (150), screen (72), scan "
        "(scanned pages: sharp text over a coarse background). Without one: 144 dpi, quality 75.",
        Shown(
            "NAME",
            label="For",
            choices={
                "ebook": "reading on a screen (150 dpi)",
                "screen": "mail and quick looks (72 dpi)",
                "printer": "printing (300 dpi)",
                "scan": "scanned pages",
                "lossless": "no loss at all",
            },
        ),
        default=None,
    )
    dpi: int | None = option(
        f"Images shown above {DOWNSAMPLE_ABOVE} × this many dots per inch are downsampled to it; "
        "instead of the preset's.",
        Shown("N"),
        default=None,
        low=DPI_MIN,
        high=DPI_MAX,
    )
    image_quality: int | None = option(
        "JPEG quality; instead of the preset's.",
        Shown("N"),
        default=None,
        low=QUALITY_MIN,
        high=QUALITY_MAX,
    )
    color_mode: ColorMode | None = option(
        "grayscale and bilevel take the colour out.",
        Shown(
            "MODE",
            label="Colour",
            choices={"no-change": "as it is", "grayscale": "shades of gray", "bilevel": "black and white"},
        ),
        default=None,
    )
    bilevel: Bilevel = option(
        "How images of one bit per pixel are coded: JBIG2 whose symbols pages share (auto; every pixel as it was), "
        "JBIG2 without symbols (generic) or CCITT group 4 (ccitt), for archives whose rules ask for that.",
        Shown("HOW"),
        default="auto",
    )
    effort: Effort = option("How long to search for fewer bytes.", Shown("HOW"), default="default")
    verify: Verify = option(
        "How much of the result is compared with the original before it is handed out.",
        Shown("HOW"),
        default="sample",
    )
    strip_metadata: bool = option(
        "Drop document information (title, author …) and XMP.",
        Shown(label="Take out title, author and the like"),
        default=False,
    )
    linearize: bool = option("Order the file for viewing while it downloads.", default=False)

    def __post_init__(self) -> None:
        """Raises InvalidOption: preset lossless takes no losses."""
        if self.preset == "lossless":
            for name in ("dpi", "image_quality", "color_mode", "target_size"):
                value = getattr(self, name, None)
                if value not in (None, "no-change"):
                    raise InvalidOption(
                        name,
                        value,
                        ["(leave it out)"],
                        f"{name} cannot be set with preset lossless, which changes no pixel. "
                        f"Leave {name} out or choose another preset.",
                    )

    @property
    def effective_dpi(self) -> int | None:
        """The dpi to downsample to, or None where images keep their size."""
        return self.dpi or PRESETS[self.preset].dpi

    @property
    def effective_quality(self) -> int | None:
        """The JPEG quality to encode at, or None where only lossless coding is allowed."""
        return self.image_quality or PRESETS[self.preset].image_quality

    def compression(self, **changes: Any) -> CompressOptions:
        """The options of compression among these, with some changed."""
        shared = {name: getattr(self, name) for name in CompressOptions.names() if name in described(type(self))}
        return CompressOptions(**(shared | changes))


@record(frozen=True, kw_only=True)
class SingleOptions(OutputOptions):
    """The same where there is one result, whose size can be asked for."""

    target_size: int | None = option(
        "The best-looking file of at most this many bytes (powers of 1,000); target_not_met, with the "
        "smallest, where none fits.",
        Shown(
            "SIZE",
            f"bytes from {TARGET_SIZE_MIN} to {TARGET_SIZE_MAX}, or text such as 500KB or 1.5MB",
            as_text=True,
            label="At most",
            placeholder="e.g. 500KB",
        ),
        default=None,
        read=parse_size,
        low=TARGET_SIZE_MIN,
        high=TARGET_SIZE_MAX,
    )


@record(frozen=True, kw_only=True)
class DocumentOptions(Options):
    """What opening a PDF may need."""

    password: str | None = option(
        "Opens an encrypted PDF; the result stays encrypted. Never taken from object metadata.",
        Shown(allowed="text", label="Password"),
        default=None,
        secret=True,
    )
    allow_signature_invalidation: bool = option(
        "Change a signed PDF although its signatures end with that.",
        Shown(label="Change signed PDFs too, which ends their signatures"),
        default=False,
    )


@record(frozen=True, kw_only=True)
class CompressOptions(DocumentOptions, SingleOptions):
    """How a PDF is made smaller."""

    min_saving: float = option(
        "Per cent that must be saved: of less the original comes back, byte for byte (unchanged).",
        Shown("PERCENT"),
        default=0,
        low=0,
        high=99,
    )
    dry_run: bool = option(
        "Make nothing: report where the bytes are, and about what each preset would give. The result "
        "is that report, as JSON.",
        default=False,
    )

    @property
    def only_reports(self) -> bool:
        return self.dry_run

    def __post_init__(self) -> None:
        """Raises InvalidOption: a dry run makes nothing of a size."""
        super().__post_init__()
        if self.dry_run and self.target_size is not None:
            message = "target_size cannot go with dry_run, which tells what sizes there would be. Leave one out."
            raise InvalidOption("target_size", self.target_size, ["(leave it out)"], message)


@record(frozen=True, kw_only=True)
class InspectOptions(Options):
    """How a PDF is looked into."""

    password: str | None = option("Opens an encrypted PDF.", Shown(allowed="text"), default=None, secret=True)
