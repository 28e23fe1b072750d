"""What a caller may ask of the engine: one frozen model for each operation, used by the API, the command and drops.

An option is described once, on its field: what it means (``description``), what it takes (its type and bounds), what
it is without being asked for (its default), and what else people see of it (``Shown``). The command's parameters, the
API's description, the page's fields, the README's tables and the texts of errors are all made from that.

Operations take their options together from the groups here; those that only one of them has are in its own package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo

from pdfsmaller.engine.units import parse_size
from pdfsmaller.errors import InvalidOption

Preset = Literal["lossless", "printer", "ebook", "screen", "scan"]
ColorMode = Literal["no-change", "grayscale", "bilevel"]
Effort = Literal["fast", "default", "max"]
Verify = Literal["off", "sample", "full"]
OnError = Literal["fail", "skip"]

DPI_MIN, DPI_MAX = 36, 1200
QUALITY_MIN, QUALITY_MAX = 10, 100
TARGET_SIZE_MIN, TARGET_SIZE_MAX = 1_000, 10**12
#: An image is downsampled only when that takes away a third of its pixels.
DOWNSAMPLE_ABOVE = 1.2


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


#: What several inputs have in common: one of them may be of no use.
OnErrorOption = Annotated[
    OnError,
    Field(description="A file that cannot be used ends the job, which names it (fail), or is left out (skip)."),
    Shown("HOW", label="Files that cannot be used", choices={"fail": "end the job", "skip": "are left out"}),
]


class Options(BaseModel):
    """What every operation's options can do."""

    # Built when first used: importing the options of an operation does not mean that there is a job of it.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> Self:
        """Options from untrusted fields (form, JSON, object metadata, command line).

        Empty text counts as not given.

        Raises:
            InvalidOption: naming the field, the value and what is allowed.
        """
        given = {name: value for name, value in fields.items() if value not in (None, "")}
        try:
            return cls.model_validate(given)
        except ValidationError as exc:
            error = exc.errors()[0]
        name = str(error["loc"][0]) if error["loc"] else "options"
        if error["type"] == "extra_forbidden":
            # Whatever it holds, it may be a password under a mistyped name.
            known = sorted(cls.model_fields)
            raise InvalidOption(name, "(hidden)", known, f"There is no option {name!r}. Options: {', '.join(known)}.")
        value = "(hidden)" if cls.is_secret(name) else fields.get(name, error.get("input"))
        raise InvalidOption(name, value, cls.allowed(name))

    @classmethod
    def shown(cls, name: str) -> Shown:
        """What people see of an option."""
        return next((item for item in cls.model_fields[name].metadata if isinstance(item, Shown)), Shown())

    @classmethod
    def default(cls, name: str) -> Any:
        """What an option is without being asked for."""
        return cls.model_fields[name].get_default(call_default_factory=True)

    @classmethod
    def per_input(cls) -> str:
        """The name of the option that there is one of for each input; empty where there is none."""
        return next((name for name in cls.model_fields if cls.shown(name).per_input), "")

    @classmethod
    def is_secret(cls, name: str) -> bool:
        """Whether an option's value must not be shown, stored in plain text or taken from metadata."""
        return name in cls.model_fields and SecretStr in _kinds(cls.model_fields[name].annotation)

    @classmethod
    def is_flag(cls, name: str) -> bool:
        """Whether an option is on or off."""
        return cls.model_fields[name].annotation is bool

    @classmethod
    def values(cls, name: str) -> tuple[str, ...]:
        """An option's values, where they are a few words; otherwise none."""
        return tuple(
            value
            for kind in _kinds(cls.model_fields[name].annotation)
            if get_origin(kind) is Literal
            for value in get_args(kind)
        )

    @classmethod
    def allowed(cls, name: str) -> list[str]:
        """What an option takes, in words a caller can act on."""
        if name not in cls.model_fields:
            return sorted(cls.model_fields)
        if values := cls.values(name):
            return list(values)
        if in_words := cls.shown(name).allowed:
            return [in_words]
        if cls.is_flag(name):
            return ["true", "false"]
        whole = "a whole number" if int in _kinds(cls.model_fields[name].annotation) else "a number"
        low, high = _bounds(cls.model_fields[name])
        return [whole + ("" if low is None else f" from {low}") + ("" if high is None else f" to {high}")]

    @property
    def secret(self) -> SecretStr | None:
        """The password among the options, where there is one."""
        password: SecretStr | None = getattr(self, "password", None)
        return password

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


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type itself."""
    if get_origin(annotation) in (UnionType, Union):
        return get_args(annotation)
    return (annotation,)


def _bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    """The least and the largest value of a number."""
    low: Any = next((item.ge for item in info.metadata if isinstance(item, annotated_types.Ge)), None)
    high: Any = next((item.le for item in info.metadata if isinstance(item, annotated_types.Le)), None)
    return low, high


class OutputOptions(Options):
    """How whatever the operation writes is made smaller."""

    preset: Annotated[
        Preset | None,
        Field(
            description="Sets dpi and quality together: lossless, printer (300 dpi), ebook (150), screen (72), scan "
            "(scanned pages: sharp text over a coarse background). Without one: 144 dpi, quality 75."
        ),
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
    ] = None
    dpi: Annotated[
        int | None,
        Field(
            ge=DPI_MIN,
            le=DPI_MAX,
            description=f"Images shown above {DOWNSAMPLE_ABOVE} × this many dots per inch are downsampled to it; "
            "instead of the preset's.",
        ),
        Shown("N"),
    ] = None
    image_quality: Annotated[
        int | None,
        Field(ge=QUALITY_MIN, le=QUALITY_MAX, description="JPEG quality; instead of the preset's."),
        Shown("N"),
    ] = None
    color_mode: Annotated[
        ColorMode | None,
        Field(description="grayscale and bilevel take the colour out."),
        Shown(
            "MODE",
            label="Colour",
            choices={"no-change": "as it is", "grayscale": "shades of gray", "bilevel": "black and white"},
        ),
    ] = None
    effort: Annotated[Effort, Field(description="How long to search for fewer bytes."), Shown("HOW")] = "default"
    verify: Annotated[
        Verify,
        Field(description="How much of the result is compared with the original before it is handed out."),
        Shown("HOW"),
    ] = "sample"
    strip_metadata: Annotated[
        bool,
        Field(description="Drop document information (title, author …) and XMP."),
        Shown(label="Take out title, author and the like"),
    ] = False
    linearize: Annotated[bool, Field(description="Order the file for viewing while it downloads.")] = False

    @model_validator(mode="after")
    def _lossless_takes_no_losses(self) -> Self:
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
        return self

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
        shared = {name: getattr(self, name) for name in CompressOptions.model_fields if name in type(self).model_fields}
        return CompressOptions.model_construct(**(shared | changes))


class SingleOptions(OutputOptions):
    """The same where there is one result, whose size can be asked for."""

    target_size: Annotated[
        int | None,
        BeforeValidator(parse_size),
        Field(
            ge=TARGET_SIZE_MIN,
            le=TARGET_SIZE_MAX,
            description="The best-looking file of at most this many bytes (powers of 1,000); target_not_met, with the "
            "smallest, where none fits.",
        ),
        Shown(
            "SIZE",
            f"bytes from {TARGET_SIZE_MIN} to {TARGET_SIZE_MAX}, or text such as 500KB or 1.5MB",
            as_text=True,
            label="At most",
            placeholder="e.g. 500KB",
        ),
    ] = None


class DocumentOptions(Options):
    """What opening a PDF may need."""

    password: Annotated[
        SecretStr | None,
        Field(
            exclude=True,
            description="Opens an encrypted PDF; the result stays encrypted. Never taken from object metadata.",
        ),
        Shown(allowed="text", label="Password"),
    ] = None
    allow_signature_invalidation: Annotated[
        bool,
        Field(description="Change a signed PDF although its signatures end with that."),
        Shown(label="Change signed PDFs too, which ends their signatures"),
    ] = False


class CompressOptions(DocumentOptions, SingleOptions):
    """How a PDF is made smaller."""

    min_saving: Annotated[
        float,
        Field(
            ge=0,
            le=99,
            description="Per cent that must be saved: of less the original comes back, byte for byte (unchanged).",
        ),
        Shown("PERCENT"),
    ] = 0
    dry_run: Annotated[
        bool,
        Field(
            description="Make nothing: report where the bytes are, and about what each preset would give. The result "
            "is that report, as JSON."
        ),
    ] = False

    @property
    def only_reports(self) -> bool:
        return self.dry_run

    @model_validator(mode="after")
    def _asks_for_no_size_unmade(self) -> Self:
        if self.dry_run and self.target_size is not None:
            message = "target_size cannot go with dry_run, which tells what sizes there would be. Leave one out."
            raise InvalidOption("target_size", self.target_size, ["(leave it out)"], message)
        return self


class InspectOptions(Options):
    """How a PDF is looked into."""

    password: Annotated[
        SecretStr | None, Field(exclude=True, description="Opens an encrypted PDF."), Shown(allowed="text")
    ] = None
