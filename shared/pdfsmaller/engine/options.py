"""What a caller may ask of the engine, in one frozen model used by the API, the command and bucket drops alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from pdfsmaller.errors import InvalidOption

Preset = Literal["lossless", "printer", "ebook", "screen", "scan"]
ColorMode = Literal["no-change", "grayscale", "bilevel"]
Effort = Literal["fast", "default", "max"]
Verify = Literal["off", "sample", "full"]

DPI_MIN, DPI_MAX = 36, 1200
QUALITY_MIN, QUALITY_MAX = 10, 100
TARGET_SIZE_MIN = 1_000

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(B|KB|MB|GB)?\s*", re.IGNORECASE)
_UNITS = {"": 1, "B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


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
        preset: sets dpi and quality together: lossless, printer (300 dpi), ebook (150), screen (72), scan.
        dpi: images shown above 1.5 × this many dots per inch are downsampled to it.
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
    target_size: Annotated[int, BeforeValidator(parse_size), Field(ge=TARGET_SIZE_MIN)] | None = None
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

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> CompressOptions:
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
            value = "(hidden)" if field == "password" else error.get("input")
            if error["type"] == "extra_forbidden":
                raise InvalidOption(
                    field,
                    value,
                    sorted(cls.model_fields),
                    f"There is no option {field!r}. Options: {', '.join(sorted(cls.model_fields))}.",
                ) from None
            raise InvalidOption(field, value, allowed_values(field)) from None


def allowed_values(field: str) -> list[str]:
    """What an option takes, in words a caller can act on."""
    literals = {"preset": Preset, "color_mode": ColorMode, "effort": Effort, "verify": Verify}
    if field in literals:
        return list(get_args(literals[field]))
    return {
        "dpi": [f"a whole number from {DPI_MIN} to {DPI_MAX}"],
        "image_quality": [f"a whole number from {QUALITY_MIN} to {QUALITY_MAX}"],
        "target_size": [f"bytes from {TARGET_SIZE_MIN}, or text such as 500KB or 1.5MB"],
        "password": ["text"],
    }.get(field, ["true", "false"])
