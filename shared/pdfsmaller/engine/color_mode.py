"""Taking colour out of everything that is not an image: text, lines, fills, shadings, annotations.

``images`` turns pictures gray; this module rewrites the colour operators of every content stream (pages, forms,
tiling patterns, Type 3 glyphs, appearances) and the end colours of gradients. What cannot be turned with certainty
(spot colours, Lab, sampled gradients, meshes, small inline images) stays, and the caller is told that some colour does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import pikepdf
from pikepdf import Array, ContentStreamInstruction, Dictionary, Name, Object, Operator, Pdf, Stream

from pdfsmaller.engine.images.color import read_color_space
from pdfsmaller.engine.options import ColorMode
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.errors import LimitExceeded
from pdfsmaller.limits import Limits

# Operators that set a colour in a device space at once → the operator for gray.
_DIRECT = {"rg": "g", "RG": "G", "k": "g", "K": "G"}
_SPACE = {"cs": False, "CS": True}
_COMPONENTS = {"sc": False, "scn": False, "SC": True, "SCN": True}
_ERRORS = (pikepdf.PdfError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, IndexError)
# Gradients nest functions (stitching) a few levels deep; more is a loop.
MAX_FUNCTION_DEPTH = 8

Gray = Callable[[list[float]], float | None]


def take_color_out(pdf: Pdf, mode: ColorMode, limits: Limits) -> bool:
    """Make all content gray, or black and white.

    Returns:
        Whether some colour had to stay.

    Raises:
        LimitExceeded: a content stream is over ``max_stream_bytes``.
    """
    return _Drain(pdf, _bilevel if mode == "bilevel" else _gray, limits).run()


def _gray(components: list[float]) -> float | None:
    """DeviceRGB or DeviceCMYK to DeviceGray (ISO 32000-1, 10.3.2 and 10.3.3)."""
    values = [min(1.0, max(0.0, value)) for value in components]
    if len(values) == 1:
        return values[0]
    if len(values) not in (3, 4):
        return None
    weighted = 0.3 * values[0] + 0.59 * values[1] + 0.11 * values[2]
    return weighted if len(values) == 3 else 1 - min(1.0, weighted + values[3])


def _bilevel(components: list[float]) -> float | None:
    level = _gray(components)
    return None if level is None else float(level >= 0.5)


@dataclass(slots=True)
class _State:
    """The colour spaces in force: None = inherited, so unknown; a number of components; 0 = to be left alone."""

    fill: int | None = None
    stroke: int | None = None


class _Drain:
    def __init__(self, pdf: Pdf, gray: Gray, limits: Limits) -> None:
        self.pdf = pdf
        self.gray = gray
        self.limits = limits
        self.left = False

    def run(self) -> bool:
        for owner, content, resources in list(self._streams()):
            try:
                self._check_size(content)
                new = self._rewritten(owner, resources)
                if new is not None:
                    self._put(owner, new)
            except LimitExceeded:
                raise
            except _ERRORS:
                self.left = True
        for obj in self.pdf.objects:
            try:
                self._object(obj)
            except _ERRORS:
                self.left = True
        return self.left

    def _streams(self) -> Iterator[tuple[pikepdf.Page | Stream, Object | None, Dictionary | None]]:
        """Every content stream: what to parse, its data, its resources."""
        for page in self.pdf.pages:
            yield page, page.obj.get("/Contents"), page.resources
        for obj in self.pdf.objects:
            if isinstance(obj, Stream) and (obj.get("/Subtype") == "/Form" or obj.get("/PatternType") == 1):
                yield obj, obj, _dictionary(obj.get("/Resources"))
            elif isinstance(obj, Dictionary) and obj.get("/Subtype") == "/Type3":
                for glyph in (_dictionary(obj.get("/CharProcs")) or Dictionary()).values():
                    if isinstance(glyph, Stream):
                        yield glyph, glyph, _dictionary(obj.get("/Resources"))

    def _check_size(self, content: Object | None) -> None:
        for stream in content.as_list() if isinstance(content, Array) else [content]:
            if isinstance(stream, Stream):
                read_decoded(stream, self.limits)

    def _put(self, owner: pikepdf.Page | Stream, data: bytes) -> None:
        if isinstance(owner, Stream):
            owner.write(data)
        else:
            owner.obj["/Contents"] = self.pdf.make_stream(data)

    # --- content ------------------------------------------------------------------------------------------------------

    def _rewritten(self, owner: pikepdf.Page | Stream, resources: Dictionary | None) -> bytes | None:
        """The content without colour, or None if it had none."""
        result: list[object] = []
        state, stack, changed = _State(), [], False
        for instruction in pikepdf.parse_content_stream(owner):
            if isinstance(instruction, pikepdf.ContentStreamInlineImage):
                self.left = True
                result.append(instruction)
                continue
            operator = str(instruction.operator)
            if operator == "q":
                stack.append(_State(state.fill, state.stroke))
            elif operator == "Q":
                state = stack.pop() if stack else _State()
            new = self._converted(operator, list(instruction.operands), resources, state)
            changed = changed or new is not None
            result.append(new or instruction)
        return pikepdf.unparse_content_stream(result) if changed else None  # type: ignore[arg-type]

    def _converted(
        self, operator: str, operands: list[Object], resources: Dictionary | None, state: _State
    ) -> ContentStreamInstruction | None:
        if operator in _DIRECT:
            _set(state, operator.isupper(), 1)
            return self._level(operands, _DIRECT[operator])
        if operator in _SPACE and operands:
            components = self._components(operands[0], resources)
            _set(state, _SPACE[operator], components)
            if components in (3, 4):
                return ContentStreamInstruction([Name.DeviceGray], Operator(operator))
            if components == 0:
                self.left = self.left or operands[0] != Name.Pattern
        elif operator in _COMPONENTS and not any(isinstance(value, Name) for value in operands):
            space = state.stroke if _COMPONENTS[operator] else state.fill
            if space in (3, 4) or (space is None and len(operands) in (3, 4)):
                # The space itself was or will be made gray, wherever it was set.
                return self._level(operands, operator)
            if space == 1 and self.gray is _bilevel:
                return self._level(operands, operator)
        elif operator in ("g", "G"):
            _set(state, operator == "G", 1)
            if self.gray is _bilevel:
                return self._level(operands, operator)
        return None

    def _level(self, operands: list[Object], operator: str) -> ContentStreamInstruction | None:
        level = self.gray([float(value) for value in operands])
        if level is None:
            return None
        return ContentStreamInstruction([_decimal(level)], Operator(operator))

    def _components(self, space: Object, resources: Dictionary | None) -> int:
        """How many components of a colour that can be turned gray; 0 = leave it alone."""
        named = _dictionary(resources.get("/ColorSpace")) if resources is not None else None
        known = read_color_space(named[str(space)] if named is not None and str(space) in named else space)
        if known is None or known.palette is not None or known.family == "other":
            return 0
        return known.components

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
        if "/Rect" in obj and "/Subtype" in obj:
            for holder, key in ((obj, "/C"), (obj, "/IC"), (obj.get("/MK"), "/BG"), (obj.get("/MK"), "/BC")):
                colour = holder.get(key) if isinstance(holder, Dictionary) else None
                if isinstance(holder, Dictionary) and isinstance(colour, Array) and len(colour) in (3, 4):
                    holder[key] = self._as_array(colour)

    def _shading(self, shading: object) -> None:
        """Axial and radial gradients between given colours; all others keep theirs."""
        if not isinstance(shading, Dictionary | Stream):
            return
        space = read_color_space(shading.get("/ColorSpace"))
        if space is not None and space.components == 1 and space.family == "gray":
            return
        function = shading.get("/Function")
        known = space is not None and space.palette is None and space.family in ("rgb", "cmyk")
        if not (known and int(shading.get("/ShadingType", 0)) in (2, 3) and self._turnable(function, 0)):
            self.left = True
            return
        self._turn(function, 0)
        shading["/ColorSpace"] = Name.DeviceGray
        if isinstance(shading.get("/Background"), Array):
            shading["/Background"] = self._as_array(shading["/Background"])

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


def _set(state: _State, stroke: bool, components: int) -> None:
    if stroke:
        state.stroke = components
    else:
        state.fill = components


def _decimal(level: float) -> Decimal:
    """A number as short as a printer can show: 10 bits of gray."""
    return Decimal(round(level * 1000)) / 1000


def _dictionary(value: object) -> Dictionary | None:
    return value if isinstance(value, Dictionary) else None
