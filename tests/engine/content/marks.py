"""What a content stream draws, read slowly and plainly by pikepdf: the yardstick for the rewriter."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pikepdf

Matrix = tuple[float, float, float, float, float, float]
_SPACES = {"g": "/DeviceGray", "rg": "/DeviceRGB", "k": "/DeviceCMYK"}
PAINTS = ("f", "F", "f*", "S", "s", "B", "B*", "b", "b*", "n")
LINE = ("w", "J", "j", "M", "d", "i", "ri")
TEXT = ("Tc", "Tw", "Tz", "Ts", "Tr", "Tf")


@dataclass
class Mark:
    """One thing drawn: what, where on the page, and the state that decides how it looks."""

    what: str
    at: list[float] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)


def multiply(m: Matrix, n: Matrix) -> Matrix:
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )


def marks(content: bytes) -> list[Mark]:
    """Everything a stream draws, in order; a glyph of text is one byte of a string."""
    return _Reader().read(content)


def _seen(path: list[Mark], op: str, clips: bool) -> list[Mark]:
    """A path without what paints nothing: points that nothing goes on from, and in fills lines of no length."""
    seen: list[Mark] = []
    for mark in path:
        if mark.what == "m" and seen and seen[-1].what == "m":
            seen.pop()
        seen.append(mark)
    if seen and seen[-1].what == "m" and not clips and op not in ("s", "b", "b*"):
        seen.pop()
    if op not in ("f", "F", "f*", "n"):
        return seen
    kept: list[Mark] = []
    for mark in seen:
        if not (mark.what == "l" and kept and kept[-1].what in ("c", "v", "y") and mark.at == kept[-1].at[-2:]):
            kept.append(mark)
    return kept


class _Reader:
    def __init__(self) -> None:
        self.found: list[Mark] = []
        self.state: dict[str, Any] = {"ctm": (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), "TL": 0.0, "clip": []}
        self.stack: list[dict[str, Any]] = []
        self.path: list[Mark] = []
        self.clips = False
        self.line: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
        self.moved = 0.0  # by adjustments, in text space, since the line began
        self.glyphs = 0

    def read(self, content: bytes) -> list[Mark]:
        with pikepdf.Pdf.new() as pdf:
            for instruction in pikepdf.parse_content_stream(pdf.make_stream(content)):
                if isinstance(instruction, pikepdf.ContentStreamInlineImage):
                    self._mark("BI", list(self.state["ctm"]))
                else:
                    self._do(str(instruction.operator), list(instruction.operands))
        return self.found

    def _mark(self, what: str, at: list[float], *keys: str) -> None:
        """Something shown, within all clips."""
        self.found += self.state["clip"]
        self.found.append(Mark(what, at, {key: self.state.get(key) for key in keys}))

    def _point(self, x: float, y: float) -> list[float]:
        m = self.state["ctm"]
        return [x * m[0] + y * m[2] + m[4], x * m[1] + y * m[3] + m[5]]

    def _do(self, op: str, operands: list[Any]) -> None:
        state = self.state
        if op == "q":
            self.stack.append(dict(state))
        elif op == "Q":
            self.state = self.stack.pop()
        elif op == "cm":
            state["ctm"] = multiply(tuple(map(float, operands)), state["ctm"])  # type: ignore[arg-type]
        elif op in ("m", "l", "c", "v", "y"):
            values = list(map(float, operands))
            points = [self._point(*values[i : i + 2]) for i in range(0, len(values), 2)]
            self.path.append(Mark(op, [value for point in points for value in point]))
        elif op == "re":
            x, y, w, h = map(float, operands)
            self.path.append(Mark(op, self._point(x, y) + self._point(x + w, y + h)))
        elif op in ("h", "W", "W*"):
            self.path.append(Mark(op))
            self.clips = self.clips or op != "h"
        elif op in PAINTS:
            self.path = _seen(self.path, op, self.clips)
            if self.path and op != "n":
                self._mark("path", [])
                self.found += self.path
                self._mark(op.replace("F", "f"), [], "fill", "stroke", "gs", *LINE)
            if self.clips:
                state["clip"] = state["clip"] + self.path
            self.path, self.clips = [], False
        elif op in ("g", "rg", "k", "G", "RG", "K"):
            state["stroke" if op.isupper() else "fill"] = [op.lower(), *map(float, operands)]
            state["CS" if op.isupper() else "cs"] = _SPACES[op.lower()]  # they set the colour space too (8.6.8)
        elif op in ("cs", "CS"):
            state[op] = str(operands[0])
            state["stroke" if op == "CS" else "fill"] = [state[op]]
        elif op in ("sc", "scn", "SC", "SCN"):
            space = state.get("CS" if op.isupper() else "cs", _SPACES["g"])
            state["stroke" if op.isupper() else "fill"] = [space, *(_plain(value) for value in operands)]
        elif op in ("Do", "sh"):
            self._mark(op + str(operands[0]), list(state["ctm"]), "fill", "gs")
        elif op in ("BMC", "BDC", "EMC", "MP", "DP", "BX", "EX"):
            self.found.append(Mark(" ".join([op, *(repr(_plain(value)) for value in operands)])))
        elif op in (*LINE, *TEXT, "TL", "gs"):
            state[op] = [_plain(value) for value in operands]
            if op == "TL":
                state[op] = float(operands[0])
        else:
            self._text(op, operands)

    def _text(self, op: str, operands: list[Any]) -> None:
        state = self.state
        if op == "BT":
            self._start((1.0, 0.0, 0.0, 1.0, 0.0, 0.0))
        elif op in ("Td", "TD"):
            x, y = map(float, operands)
            self._start(multiply((1, 0, 0, 1, x, y), self.line))
            if op == "TD":
                state["TL"] = -y
        elif op == "Tm":
            self._start(tuple(map(float, operands)))  # type: ignore[arg-type]
        elif op in ("T*", "'", '"'):
            self._start(multiply((1, 0, 0, 1, 0, -state["TL"]), self.line))
            if op == '"':
                state["Tw"], state["Tc"] = [float(operands[0])], [float(operands[1])]
        if op in ("Tj", "'", '"', "TJ"):
            for part in operands[-1].as_list() if op == "TJ" else operands[-1:]:
                if isinstance(part, pikepdf.String):
                    for code in bytes(part):
                        self._glyph(code)
                else:
                    size = float(state["Tf"][1]) if state.get("Tf") else 1.0
                    self.moved -= float(part) / 1000 * size * (state.get("Tz") or [100.0])[0] / 100

    def _start(self, line: Matrix) -> None:
        self.line, self.moved, self.glyphs = line, 0.0, 0

    def _glyph(self, code: int) -> None:
        m = multiply((1, 0, 0, 1, self.moved, 0), multiply(self.line, self.state["ctm"]))
        self._mark(f"glyph {code} {self.glyphs}", list(m), "fill", "stroke", "gs", *TEXT)
        self.glyphs += 1


def _plain(value: object) -> Any:
    if isinstance(value, pikepdf.Array):
        return [_plain(item) for item in value.as_list()]
    if isinstance(value, pikepdf.Dictionary | pikepdf.Name | pikepdf.String):
        return re.sub(r"\s+", " ", repr(value))
    return float(value)  # type: ignore[arg-type]
