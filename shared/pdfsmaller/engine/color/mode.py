"""Taking colour out of everything that is not an image: text, lines, fills, shadings, annotations, outlines.

``images`` turns pictures gray; this module rewrites the colour operators of every content stream (pages, forms,
tiling patterns, Type 3 glyphs, appearances), shadings, and the colours of annotations, fields and outline items. Spot
colours, Lab and palettes are evaluated. What cannot be turned with certainty (damaged functions and meshes, small
inline images) stays, and the caller is told that some colour does. Blending spaces stay: they show no colour of their
own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal

import pikepdf
from pikepdf import Array, ContentStreamInstruction, Dictionary, Name, Object, Operator, Pdf, Stream, String

from pdfsmaller.engine.color.functions import NotAFunction
from pdfsmaller.engine.color.gray import GraySpace, level_of, read_gray_space
from pdfsmaller.engine.color.shadings import LeftAlone, turn_shading
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.images.color import read_color_space
from pdfsmaller.engine.images.inline import inline_images
from pdfsmaller.engine.options import ColorMode
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.engine.walk.streams import ContentStream, content_of, resources_of
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

# Operators that set a colour in a device space at once → the operator for gray.
_DIRECT = {"rg": "g", "RG": "G", "k": "g", "K": "G"}
_SPACE = {"cs": False, "CS": True}
_COMPONENTS = {"sc": False, "scn": False, "SC": True, "SCN": True}
# Gradients nest functions (stitching) a few levels deep; more is a loop.
MAX_FUNCTION_DEPTH = 8
# The colour space of uncoloured patterns, under a name of ours in the resources that need it.
_PATTERN_SPACE = "/PatternOfGray"
_DEFAULT_COLOR = re.compile(rb"((?:[-+]?\d*\.?\d+\s+){3,4})(rg|RG|k|K)\b")

Gray = Callable[[list[float]], float | None]


def take_color_out(pdf: Pdf, streams: Iterable[ContentStream], mode: ColorMode, limits: Limits) -> bool:
    """Make all content gray, or black and white.

    Args:
        streams: of this document, or of the one that it is a copy of.

    Returns:
        Whether some colour had to stay.

    Raises:
        LimitExceeded: a content stream is over ``max_stream_bytes``.
    """
    return _Drain(pdf, streams, _bilevel if mode == "bilevel" else _gray, limits).run()


def _gray(components: list[float]) -> float | None:
    """DeviceRGB or DeviceCMYK to DeviceGray."""
    return level_of(components) if len(components) in (1, 3, 4) else None


def _bilevel(components: list[float]) -> float | None:
    level = _gray(components)
    return None if level is None else float(level >= 0.5)


def _numbers(operands: list[Object]) -> list[float]:
    """Raises LeftAlone unless all operands are numbers."""
    if not all(isinstance(value, int | Decimal) for value in operands):
        raise LeftAlone("operands")
    return [float(value) for value in operands]


@record(frozen=True)
class _Space:
    """A colour space in force: how its colours turn gray (None: they stay), and whether they colour patterns."""

    gray: GraySpace | None
    pattern: bool = False


_DEVICE = _Space(GraySpace(1, level_of, (0.0,), gray=True))
_KEPT = _Space(None)


@record()
class _State:
    """The colour spaces in force; None = inherited, so unknown."""

    fill: _Space | None = None
    stroke: _Space | None = None


class _Drain:
    def __init__(self, pdf: Pdf, streams: Iterable[ContentStream], gray: Gray, limits: Limits) -> None:
        self.pdf = pdf
        self.streams = streams
        self.gray = gray
        self.limits = limits
        self.left = False

    def run(self) -> bool:
        for stream in self.streams:
            if not (stream.colored or stream.inline or (stream.gray and self.gray is _bilevel)):
                continue
            with tolerate("content_color", LeftAlone, NotAFunction) as attempt:
                found = self.pdf.get_object(stream.objgen)
                owner = found if isinstance(found, Stream) else pikepdf.Page(found)
                content = content_of(found, self.limits)
                new = self._rewritten(owner, content, resources_of(self.pdf, stream))
                if new is not None:
                    self._put(owner, new)
            self.left |= attempt.failed
        for obj in [self.pdf.Root.get("/AcroForm"), *self.pdf.objects]:
            with tolerate("object_color", LeftAlone, NotAFunction) as attempt:
                self._object(obj)
            self.left |= attempt.failed
        return self.left

    def _put(self, owner: pikepdf.Page | Stream, data: bytes) -> None:
        if isinstance(owner, Stream):
            owner.write(data)
        else:
            owner.obj["/Contents"] = self.pdf.make_stream(data)

    # --- content ------------------------------------------------------------------------------------------------------

    def _rewritten(self, owner: pikepdf.Page | Stream, content: bytes, resources: Dictionary | None) -> bytes | None:
        """The content without colour, or None if it had none."""
        result: list[object] = []
        state, stack, changed = _State(), [], False
        inline: list[int] = []
        for instruction in pikepdf.parse_content_stream(owner):
            if isinstance(instruction, pikepdf.ContentStreamInlineImage):
                self.left = self.left or not _is_gray(instruction)
                inline.append(len(instruction.iimage.read_raw_bytes()))
                result.append(instruction)
                continue
            operator = str(instruction.operator)
            if operator == "q":
                stack.append(_State(state.fill, state.stroke))
            elif operator == "Q":
                state = stack.pop() if stack else _State()
            new = self._converted(operator, list(instruction.operands), resources, state)
            changed = changed or bool(new)
            result += new or [instruction]
        if changed and inline:
            _check_inline_images(content, inline)
        return pikepdf.unparse_content_stream(result) if changed else None  # type: ignore[arg-type]

    def _converted(
        self, operator: str, operands: list[Object], resources: Dictionary | None, state: _State
    ) -> list[ContentStreamInstruction]:
        """What takes an instruction's place; nothing where it stays."""
        if operator in _DIRECT:
            _set(state, operator.isupper(), _DEVICE)
            return self._level(operands, _DIRECT[operator])
        if operator in ("g", "G"):
            _set(state, operator == "G", _DEVICE)
            return self._level(operands, operator) if self.gray is _bilevel else []
        if operator in _SPACE and operands:
            space = self._space(operands[0], resources)
            _set(state, _SPACE[operator], space)
            return self._set_space(operator, space, resources)
        if operator in _COMPONENTS and operands:
            known = state.stroke if _COMPONENTS[operator] else state.fill
            if known is not None and known.pattern:
                return self._tinted_pattern(operands, operator, known)
            if any(isinstance(value, Name) for value in operands):
                return []
            if known is None:
                # The space itself was or will be made gray, wherever it was set.
                return self._level(operands, operator) if len(operands) in (3, 4) else []
            if known.gray is not None and (not known.gray.gray or self.gray is _bilevel):
                return [self._instruction(known.gray, _numbers(operands), operator)]
        return []

    def _set_space(self, operator: str, space: _Space, resources: Dictionary | None) -> list[ContentStreamInstruction]:
        if space.gray is None or (space.gray.gray and not space.pattern):
            return []
        if not space.pattern:
            named = ContentStreamInstruction([Name.DeviceGray], Operator(operator))
            paint = "SCN" if _SPACE[operator] else "scn"
            return [named, self._instruction(space.gray, list(space.gray.initial), paint)]
        if resources is None:
            raise ValueError("a pattern's space without resources")
        if "/ColorSpace" not in resources:
            resources["/ColorSpace"] = Dictionary()
        resources["/ColorSpace"][_PATTERN_SPACE] = Array([Name.Pattern, Name.DeviceGray])
        return [ContentStreamInstruction([Name(_PATTERN_SPACE)], Operator(operator))]

    def _tinted_pattern(self, operands: list[Object], operator: str, space: _Space) -> list[ContentStreamInstruction]:
        """The colour of an uncoloured pattern stands before the pattern's name."""
        if space.gray is None or len(operands) < 2:
            return []
        level = self._turned(space.gray, _numbers(operands[:-1]))
        return [ContentStreamInstruction([_decimal(level), operands[-1]], Operator(operator))]

    def _instruction(self, space: GraySpace, components: list[float], operator: str) -> ContentStreamInstruction:
        return ContentStreamInstruction([_decimal(self._turned(space, components))], Operator(operator))

    def _turned(self, space: GraySpace, components: list[float]) -> float:
        if len(components) != space.components:
            raise ValueError("components")
        return self.gray([space.level(components)]) or 0.0

    def _level(self, operands: list[Object], operator: str) -> list[ContentStreamInstruction]:
        level = self.gray(_numbers(operands))
        return [] if level is None else [ContentStreamInstruction([_decimal(level)], Operator(operator))]

    def _space(self, space: Object, resources: Dictionary | None) -> _Space:
        named = _dictionary(resources.get("/ColorSpace")) if resources is not None else None
        name = name_text(space)
        if named is not None and name in named:
            space = named[name]
        if space == Name.Pattern:
            return _KEPT
        pattern = isinstance(space, Array) and len(space) > 0 and space[0] == Name.Pattern
        if pattern and len(space) < 2:
            return _KEPT
        gray = read_gray_space(space[1] if pattern else space, self.limits)
        self.left = self.left or gray is None
        return _Space(gray, pattern=pattern)

    # --- gradients and annotations ------------------------------------------------------------------------------------

    def _object(self, obj: object) -> None:
        if not isinstance(obj, Dictionary | Stream):
            return
        shading = obj.get("/Shading")
        if isinstance(shading, Dictionary) and "/ShadingType" not in shading and "/PatternType" not in obj:
            for value in shading.values():  # a resource dictionary's
                self._shading(value)
        elif isinstance(shading, Dictionary | Stream) and "/PatternType" in obj:
            self._shading(shading)
        resources = obj.get("/Resources")
        if isinstance(resources, Dictionary):
            if not resources.is_indirect:
                self._object(resources)
            for pattern in (_dictionary(resources.get("/Pattern")) or Dictionary()).values():
                if isinstance(pattern, Dictionary) and not pattern.is_indirect:
                    self._object(pattern)
        if isinstance(obj.get("/DA"), String):
            obj["/DA"] = String(_DEFAULT_COLOR.sub(self._default_color, bytes(obj["/DA"])))
        if "/Title" in obj and isinstance(obj.get("/C"), Array) and len(obj["/C"]) == 3:
            obj["/C"] = Array(
                [value for value in self._as_array(obj["/C"]).as_list() for _ in range(3)]
            )  # an outline item's is always DeviceRGB
        if "/Rect" in obj and "/Subtype" in obj:
            for holder, key in ((obj, "/C"), (obj, "/IC"), (obj.get("/MK"), "/BG"), (obj.get("/MK"), "/BC")):
                colour = holder.get(key) if isinstance(holder, Dictionary) else None
                if isinstance(holder, Dictionary) and isinstance(colour, Array) and len(colour) in (3, 4):
                    holder[key] = self._as_array(colour)

    def _default_color(self, match: re.Match[bytes]) -> bytes:
        """A default appearance's colour operator (ISO 32000-1, 12.7.3.3), gray."""
        level = self.gray([float(value) for value in match[1].split()])
        if level is None:
            return match[0]
        return str(_decimal(level)).encode() + (b" G" if match[2].isupper() else b" g")

    def _shading(self, shading: object) -> None:
        if not isinstance(shading, Dictionary | Stream):
            return
        space = read_gray_space(shading.get("/ColorSpace"), self.limits)
        if space is None:
            self.left = True
            return
        if space.gray and self.gray is not _bilevel:
            return
        function = shading.get("/Function")
        known = read_color_space(shading.get("/ColorSpace"))
        background = shading.get("/Background")
        if known is not None and known.family in ("rgb", "cmyk") and known.palette is None and self._exact(shading):
            self._turn(function, 0)
            shading["/ColorSpace"] = Name.DeviceGray
        else:
            turn_shading(self.pdf, shading, space, lambda c: self._turned(space, list(c)), self.limits)
        if isinstance(background, Array):
            level = self._turned(space, [float(value) for value in background.as_list()])
            shading["/Background"] = Array([_decimal(level)])

    def _exact(self, shading: Dictionary | Stream) -> bool:
        """Whether it is enough to turn the end colours: mixtures of two colours are as gray as their mixed grays."""
        two_ends = int(shading.get("/ShadingType", 0)) in (2, 3) and self.gray is not _bilevel
        return two_ends and self._turnable(shading.get("/Function"), 0)

    def _turnable(self, function: object, depth: int) -> bool:
        if not isinstance(function, Dictionary) or depth > MAX_FUNCTION_DEPTH:
            return False
        kind = int(function.get("/FunctionType", -1))
        if kind == 3:
            return all(self._turnable(part, depth + 1) for part in function["/Functions"].as_list())
        return kind == 2

    def _turn(self, function: Object | None, depth: int) -> None:
        if not isinstance(function, Dictionary):
            return
        if int(function["/FunctionType"]) == 3:
            for part in function["/Functions"].as_list():
                self._turn(part, depth + 1)
        else:
            for key in ("/C0", "/C1"):
                if key in function and len(function[key]) in (3, 4):
                    function[key] = self._as_array(function[key])
        if "/Range" in function:
            del function["/Range"]

    def _as_array(self, colour: Object) -> Array:
        level = self.gray([float(value) for value in colour.as_list()])
        return Array([_decimal(level if level is not None else 0.0)])


def _set(state: _State, stroke: bool, space: _Space) -> None:
    if stroke:
        state.stroke = space
    else:
        state.fill = space


def _decimal(level: float) -> Decimal:
    """A number as short as a printer can show: 10 bits of gray."""
    return Decimal(round(level * 1000)) / 1000


def _dictionary(value: object) -> Dictionary | None:
    return value if isinstance(value, Dictionary) else None


def _is_gray(image: pikepdf.ContentStreamInlineImage) -> bool:
    """Whether an inline image is a stencil or gray."""
    about = image.iimage
    return bool(about.image_mask) or str(about.colorspace) in ("/DeviceGray", "/G", "/CalGray")


def _check_inline_images(content: bytes, found: list[int]) -> None:
    """Raises LeftAlone where the parser took something in an image for its end, or there is no telling.

    Args:
        found: how many bytes it found between the beginning of each image's data and its ``EI``.
    """
    images = inline_images(content)
    if images is None or [image.end - len("EI") - image.data_begin for image in images] != found:
        raise LeftAlone("inline images")
