"""What an image's numbers mean: its colour space, read once and without trust."""

from __future__ import annotations

from typing import Literal

from pikepdf import Array, Name, Object, Stream, String

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.records import record

# gray, rgb and cmyk are colours that a codec may transform; `other` are components to be left as they are
# (Lab, Separation, DeviceN: an encoder's YCbCr means nothing there).
Family = Literal["gray", "rgb", "cmyk", "other"]

_DEVICE: dict[str, tuple[Family, int]] = {
    "/DeviceGray": ("gray", 1),
    "/G": ("gray", 1),
    "/CalGray": ("gray", 1),
    "/DeviceRGB": ("rgb", 3),
    "/RGB": ("rgb", 3),
    "/CalRGB": ("rgb", 3),
    "/DeviceCMYK": ("cmyk", 4),
    "/CMYK": ("cmyk", 4),
    "/Lab": ("other", 3),
}
_ICC_FAMILY: dict[int, Family] = {1: "gray", 3: "rgb", 4: "cmyk"}
MAX_PALETTE = 256
# Where a profile names its space and says that it is one, and the spaces by their components (ICC.1, 7.2).
_SPACE, _SIGNATURE = slice(16, 20), slice(36, 40)
_PROFILE_FAMILIES = (b"GRAY", b"RGB ", b"CMYK")
_PROFILE_COMPONENTS = {
    b"GRAY": 1,
    b"CMYK": 4,
    b"4CLR": 4,
    **dict.fromkeys((b"RGB ", b"Lab ", b"XYZ ", b"Luv ", b"YCbr", b"Yxy ", b"HSV ", b"HLS ", b"CMY ", b"3CLR"), 3),
    b"1CLR": 1,
}


@record(frozen=True)
class ColorSpace:
    """A colour space as far as an encoder has to know it.

    Attributes:
        family: what the components are (those of the base, when indexed).
        components: how many there are (those of the base, when indexed).
        neutral_is_gray: equal red, green and blue mean the same as DeviceGray of that value.
        palette: the base's components of each index, one byte each, when indexed.
    """

    family: Family
    components: int
    neutral_is_gray: bool = False
    palette: bytes | None = None

    @property
    def samples(self) -> int:
        """Components stored per pixel."""
        return 1 if self.palette is not None else self.components

    @property
    def entries(self) -> int:
        """Colours in the palette."""
        return len(self.palette) // self.components if self.palette is not None else 0


def read_color_space(value: Object | None, depth: int = 0) -> ColorSpace | None:
    """The meaning of a ``/ColorSpace`` entry, or None where it cannot be known."""
    if isinstance(value, Name):
        device = _DEVICE.get(name_text(value))
        return ColorSpace(*device, neutral_is_gray=device[0] == "rgb") if device else None
    if not isinstance(value, Array) or len(value) == 0 or depth > 4:
        return None
    kind = name_text(value[0])
    if kind in _DEVICE:
        family, components = _DEVICE[kind]
        return ColorSpace(family, components, neutral_is_gray=kind in ("/DeviceRGB", "/RGB"))
    if len(value) < 2:
        return None
    if kind == "/ICCBased":
        return _icc(value[1], depth)
    if kind in ("/Indexed", "/I"):
        return _indexed(value, depth)
    if kind == "/Separation":
        return ColorSpace("other", 1)
    if kind == "/DeviceN" and isinstance(value[1], Array):
        return ColorSpace("other", len(value[1]))
    return None


def _icc(profile: Object, depth: int) -> ColorSpace | None:
    """The meaning of an ICC profile; of one that is none, what readers take for it (ISO 32000-1, 8.6.5.5)."""
    if not isinstance(profile, Stream):
        return None
    components = int(profile.get("/N", 0))
    family = _ICC_FAMILY.get(components)
    if family is None:
        return None
    alternate = read_color_space(profile.get("/Alternate"), depth + 1)
    if alternate is not None and (alternate.palette is not None or alternate.components != components):
        alternate = None
    data = b""
    with tolerate("icc_profile"):
        data = profile.read_bytes()
    space = data[_SPACE] if data[_SIGNATURE] == b"acsp" else b""
    if _PROFILE_COMPONENTS.get(space) != components:
        return alternate or ColorSpace(family, components, neutral_is_gray=family == "rgb")
    if space not in _PROFILE_FAMILIES or (alternate is not None and alternate.family == "other"):
        return ColorSpace("other", components)
    srgb = family == "rgb" and (b"sRGB" in data or b"s\x00R\x00G\x00B" in data)
    return ColorSpace(family, components, neutral_is_gray=srgb)


def _indexed(value: Array, depth: int) -> ColorSpace | None:
    if len(value) < 4:
        return None
    base = read_color_space(value[1], depth + 1)
    if base is None or base.palette is not None:
        return None
    lookup = value[3]
    with tolerate("palette") as attempt:
        table = (
            lookup.read_bytes() if isinstance(lookup, Stream) else bytes(lookup) if isinstance(lookup, String) else b""
        )
    if attempt.failed:
        return None
    size = (min(int(value[2]), MAX_PALETTE - 1) + 1) * base.components
    # Short tables exist in the wild; readers take what is missing as zero.
    return ColorSpace(base.family, base.components, base.neutral_is_gray, table[:size].ljust(size, b"\0"))
