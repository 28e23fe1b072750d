"""What a caller may ask of the engine: one frozen model for each operation, used by the API, the command and drops."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from pdfsmaller.engine.merge.ranges import SYNTAX as RANGE_SYNTAX
from pdfsmaller.engine.merge.ranges import is_range
from pdfsmaller.errors import InvalidOption

Operation = Literal["compress", "merge", "image-to-pdf"]
Preset = Literal["lossless", "printer", "ebook", "screen", "scan"]
ColorMode = Literal["no-change", "grayscale", "bilevel"]
Effort = Literal["fast", "default", "max"]
Verify = Literal["off", "sample", "full"]
Outline = Literal["per-source", "joined", "none"]
OnError = Literal["fail", "skip"]
PageSize = Literal["fit", "A4", "letter"]
Orientation = Literal["auto", "portrait", "landscape"]

DPI_MIN, DPI_MAX = 36, 1200
QUALITY_MIN, QUALITY_MAX = 10, 100
TARGET_SIZE_MIN, TARGET_SIZE_MAX = 1_000, 10**12
RESOLUTION_MIN, RESOLUTION_MAX = 10, 9_600
MARGIN_MAX = 720.0

#: Digits have an end: no number so long that it is none any more (infinite) gets as far as arithmetic.
_SIZE = re.compile(r"\s*(\d{1,24}(?:\.\d{1,24})?)\s*(B|KB|MB|GB)?\s*", re.IGNORECASE)
_UNITS = {"": 1, "B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(pt|mm|cm|in)?\s*", re.IGNORECASE)
_POINTS = {"": 1.0, "pt": 1.0, "mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72.0}


def parse_size(value: Any) -> Any:
    """Bytes from ``500000``, ``"500KB"`` or ``"1.5 MB"`` (powers of 1,000).

    Raises:
        ValueError: for any other text.
    """
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if not match:
            raise ValueError("not a size")
        return round(float(match[1]) * _UNITS[(match[2] or "").upper()])
    return value


def parse_length(value: Any) -> Any:
    """Points (1/72 inch) from ``36``, ``"36"``, ``"10mm"``, ``"1 cm"`` or ``"0.5in"``.

    Raises:
        ValueError: for any other text.
    """
    if isinstance(value, str):
        match = _LENGTH.fullmatch(value)
        if not match:
            raise ValueError("not a length")
        return float(match[1]) * _POINTS[(match[2] or "").lower()]
    return value


def _listed(value: Any) -> Any:
    """A list from a JSON array as text, or from one text."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [value]
    try:
        return json.loads(value)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _range(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str) and value.strip() and not is_range(value):
        raise ValueError("not a page range")
    return value


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


class CompressOptions(BaseModel):
    """How a PDF is to be made smaller.

    Attributes:
        preset: sets dpi and quality together: lossless, printer (300 dpi), ebook (150), screen (72), scan (for scanned
            pages: text and lines stay sharp, in one bit per pixel, over a coarse background).
        dpi: images shown above 1.2 × this many dots per inch are downsampled to it. Without it the
            preset's dpi is used, and images on small pages may keep more.
        image_quality: JPEG quality, 10–100.
        color_mode: ``grayscale`` and ``bilevel`` take the colour out; ``no-change`` keeps it.
        target_size: the result's largest size in bytes (also ``"500KB"``, ``"1.5MB"``; powers of 1,000).
        effort: how long to search for fewer bytes.
        verify: how much of the result is compared with the original before it is handed out.
        strip_metadata: drop the document information and XMP.
        linearize: order the file for viewing while it downloads.
        password: opens an encrypted PDF; never shown, logged or stored in plain text.
        allow_signature_invalidation: change a signed PDF although its signatures end with that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Preset | None = None
    dpi: Annotated[int, Field(ge=DPI_MIN, le=DPI_MAX)] | None = None
    image_quality: Annotated[int, Field(ge=QUALITY_MIN, le=QUALITY_MAX)] | None = None
    color_mode: ColorMode | None = None
    target_size: Annotated[int, BeforeValidator(parse_size), Field(ge=TARGET_SIZE_MIN, le=TARGET_SIZE_MAX)] | None = (
        None
    )
    effort: Effort = "default"
    verify: Verify = "sample"
    strip_metadata: bool = False
    linearize: bool = False
    password: SecretStr | None = Field(default=None, exclude=True)
    allow_signature_invalidation: bool = False

    @model_validator(mode="after")
    def _lossless_takes_no_losses(self) -> CompressOptions:
        if self.preset == "lossless":
            for name in ("dpi", "image_quality", "color_mode", "target_size"):
                value = getattr(self, name)
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
        shared = {name: getattr(self, name) for name in CompressOptions.model_fields}
        return CompressOptions.model_construct(**(shared | changes))

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Self:
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
            field = str(error["loc"][0]) if error["loc"] else "options"
            value = "(hidden)" if field == "password" else fields.get(field, error.get("input"))
            if error["type"] == "extra_forbidden":
                # Whatever it holds, it may be a password under a mistyped name.
                raise InvalidOption(
                    field,
                    "(hidden)",
                    sorted(cls.model_fields),
                    f"There is no option {field!r}. Options: {', '.join(sorted(cls.model_fields))}.",
                ) from None
            raise InvalidOption(field, value, allowed_values(field)) from None


class MergeOptions(CompressOptions):
    """How PDFs become one. The options of compression count where ``optimize`` is true.

    Attributes:
        optimize: compress what is merged.
        pages: page ranges (``1-3,7,-1``), one for each input in order, blank for all pages; or none at all.
        outline: ``per-source`` puts each input's outline under an entry of its own, ``joined`` one after the other,
            ``none`` leaves outlines away.
        on_error: ``fail`` ends with the first input that cannot be used, ``skip`` leaves it out with a warning.
        password: opens encrypted inputs. Several passwords, one a line, are each tried.
        decrypt: the result is open to everybody although an input was encrypted. Otherwise it is encrypted, and opens
            with the password of the first encrypted input.
    """

    optimize: bool = True
    pages: Annotated[list[Annotated[str, BeforeValidator(_range)]], BeforeValidator(_listed)] = []
    outline: Outline = "per-source"
    on_error: OnError = "fail"
    decrypt: bool = False


class ImageOptions(CompressOptions):
    """How images become a PDF. Without any option of compression not one pixel changes.

    Attributes:
        page_size: ``fit`` makes each page as large as its image, the others fit the image onto the paper.
        orientation: of the paper; ``auto`` turns it as the image lies.
        margin: around the image, in points (1/72 inch); also ``"10mm"``, ``"1cm"``, ``"0.5in"``.
        resolution: pixels per inch of every image; default: what its file says, or 96 where it says nothing.
        on_error: ``fail`` ends with the first input that cannot be used, ``skip`` leaves it out with a warning.
    """

    page_size: PageSize = "fit"
    orientation: Orientation = "auto"
    margin: Annotated[float, BeforeValidator(parse_length), Field(ge=0, le=MARGIN_MAX)] = 0.0
    resolution: Annotated[float, Field(ge=RESOLUTION_MIN, le=RESOLUTION_MAX)] | None = None
    on_error: OnError = "fail"

    @property
    def wants_compression(self) -> bool:
        """Whether anything was asked for that images embedded as they are do not give."""
        return any(value is not None for value in (self.preset, self.dpi, self.image_quality, self.target_size)) or (
            self.color_mode not in (None, "no-change")
        )


#: The options of each operation.
OPTIONS: dict[str, type[CompressOptions]] = {
    "compress": CompressOptions,
    "merge": MergeOptions,
    "image-to-pdf": ImageOptions,
}


def allowed_values(field: str) -> list[str]:
    """What an option takes, in words a caller can act on."""
    literals = {
        "preset": Preset,
        "color_mode": ColorMode,
        "effort": Effort,
        "verify": Verify,
        "outline": Outline,
        "on_error": OnError,
        "page_size": PageSize,
        "orientation": Orientation,
    }
    if field in literals:
        return list(get_args(literals[field]))
    return {
        "dpi": [f"a whole number from {DPI_MIN} to {DPI_MAX}"],
        "image_quality": [f"a whole number from {QUALITY_MIN} to {QUALITY_MAX}"],
        "target_size": [f"bytes from {TARGET_SIZE_MIN} to {TARGET_SIZE_MAX}, or text such as 500KB or 1.5MB"],
        "password": ["text"],
        "pages": [RANGE_SYNTAX],
        "every": ["a whole number from 1"],
        "outline_level": ["a whole number from 1"],
        "max_size": [f"bytes from {TARGET_SIZE_MIN} to {TARGET_SIZE_MAX}, or text such as 500KB or 10MB"],
        "margin": [f"points from 0 to {MARGIN_MAX:g}, or text such as 10mm or 0.5in"],
        "resolution": [f"pixels per inch from {RESOLUTION_MIN} to {RESOLUTION_MAX}"],
    }.get(field, ["true", "false"])
