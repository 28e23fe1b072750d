"""PDF functions (ISO 32000-1, 7.10) evaluated: sampled, exponential, stitching and PostScript calculator ones.

They turn spot colours into their alternates and gradients' parameters into colours. Everything is checked while a
function is read; evaluating it then costs bounded time and never raises.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from pikepdf import Array, Dictionary, Object, Stream

from pdfsmaller.engine.damage import raised_as
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.limits import Limits

#: Values in, values out.
Function = Callable[[Sequence[float]], list[float]]

MAX_DEPTH = 8
MAX_SAMPLES = 4_000_000
MAX_TOKENS = 10_000
MAX_STACK = 100
_TOKEN = re.compile(rb"[{}]|[^\s{}]+")


class NotAFunction(ValueError):
    """It is damaged, too large, or of a type that does not exist."""


def read_function(value: object, limits: Limits, depth: int = 0) -> Function:
    """A function, or an array of functions of one output each, ready to be evaluated.

    Raises:
        NotAFunction: see there.
        LimitExceeded: its samples are over ``max_stream_bytes``.
    """
    if depth > MAX_DEPTH:
        raise NotAFunction("nesting")
    if isinstance(value, Array):
        parts = [read_function(part, limits, depth + 1) for part in value.as_list()]
        return lambda inputs: [output for part in parts for output in part(inputs)[:1]]
    if not isinstance(value, Dictionary | Stream):
        raise NotAFunction("type")
    with raised_as(NotAFunction("damaged")):
        kind = int(value.get("/FunctionType", -1))
        domain = _pairs(value.get("/Domain"))
        bounds = _pairs(value["/Range"]) if "/Range" in value else None
        if kind == 0 and isinstance(value, Stream) and bounds:
            inner = _sampled(value, domain, bounds, limits)
        elif kind == 2:
            inner = _exponential(value)
        elif kind == 3:
            inner = _stitching(value, domain, limits, depth)
        elif kind == 4 and isinstance(value, Stream) and bounds:
            inner = _calculator(read_decoded(value, limits), len(bounds))
        else:
            raise NotAFunction("type")

    def evaluate(inputs: Sequence[float]) -> list[float]:
        outputs = inner([_clip(value, *pair) for value, pair in zip(inputs, domain, strict=False)])
        if bounds is not None:
            outputs = [_clip(value, *pair) for value, pair in zip(outputs, bounds, strict=False)]
        return outputs

    if not evaluate([low for low, _ in domain]):
        raise NotAFunction("no outputs")
    return evaluate


def _clip(value: float, low: float, high: float) -> float:
    return low if not value >= low else min(value, high)


def _floats(value: object) -> list[float]:
    if not isinstance(value, Array):
        raise NotAFunction("numbers")
    found = [float(item) for item in value.as_list()]
    if not all(map(math.isfinite, found)):
        raise NotAFunction("numbers")
    return found


def _pairs(value: object) -> list[tuple[float, float]]:
    found = _floats(value)
    if not found or len(found) % 2:
        raise NotAFunction("pairs")
    return list(zip(found[::2], found[1::2], strict=True))


def _between(value: float, low: float, high: float, start: float, end: float) -> float:
    return start if high == low else start + (value - low) * (end - start) / (high - low)


def _exponential(value: Object) -> Function:
    start = _floats(value["/C0"]) if "/C0" in value else [0.0]
    end = _floats(value["/C1"]) if "/C1" in value else [1.0]
    power = float(value.get("/N", 1))
    if len(start) != len(end):
        raise NotAFunction("C0 and C1")

    def evaluate(inputs: Sequence[float]) -> list[float]:
        x = inputs[0]
        share = x if power == 1 else x**power if x > 0 else float(power == 0)
        return [a + share * (b - a) for a, b in zip(start, end, strict=True)]

    return evaluate


def _stitching(value: Object, domain: list[tuple[float, float]], limits: Limits, depth: int) -> Function:
    parts = [read_function(part, limits, depth + 1) for part in value["/Functions"].as_list()]
    bounds, encode = _floats(value["/Bounds"]), _pairs(value["/Encode"])
    if len(bounds) != len(parts) - 1 or len(encode) < len(parts):
        raise NotAFunction("bounds")
    edges = [domain[0][0], *bounds, domain[0][1]]

    def evaluate(inputs: Sequence[float]) -> list[float]:
        part = sum(inputs[0] >= bound for bound in bounds)
        return parts[part]([_between(inputs[0], edges[part], edges[part + 1], *encode[part])])

    return evaluate


def _sampled(
    value: Stream, domain: list[tuple[float, float]], bounds: list[tuple[float, float]], limits: Limits
) -> Function:
    size = [int(number) for number in value["/Size"].as_list()]
    bits, outputs = int(value["/BitsPerSample"]), len(bounds)
    if len(size) != len(domain) or min(size) < 1 or len(size) > MAX_DEPTH or bits not in (1, 2, 4, 8, 12, 16, 24, 32):
        raise NotAFunction("size")
    count = math.prod(size) * outputs
    data = read_decoded(value, limits)
    if count > MAX_SAMPLES or len(data) * 8 < count * bits:
        raise NotAFunction("samples")
    encode = _pairs(value["/Encode"]) if "/Encode" in value else [(0.0, n - 1.0) for n in size]
    decode = _pairs(value["/Decode"]) if "/Decode" in value else bounds
    if len(encode) < len(size) or len(decode) < outputs:
        raise NotAFunction("encode")
    most, strides = (1 << bits) - 1, [math.prod(size[:axis]) for axis in range(len(size))]

    def sample(index: int) -> int:
        first, last = index * bits, (index + 1) * bits
        whole = int.from_bytes(data[first // 8 : (last + 7) // 8], "big")
        return (whole >> (-last % 8)) & most

    def evaluate(inputs: Sequence[float]) -> list[float]:
        axes = []
        for x, pair, code, n, stride in zip(inputs, domain, encode, size, strides, strict=False):
            at = _clip(_between(x, *pair, *code), 0.0, n - 1.0)
            low = min(int(at), max(n - 2, 0))
            share = at - low
            axes.append([(low * stride, 1 - share)] + ([((low + 1) * stride, share)] if share else []))
        totals = [0.0] * outputs
        for corner in product(*axes):
            weight = math.prod(share for _, share in corner)
            start = sum(offset for offset, _ in corner) * outputs
            for output in range(outputs):
                totals[output] += weight * sample(start + output)
        return [_between(total, 0, most, *pair) for total, pair in zip(totals, decode, strict=False)]

    return evaluate


# --- PostScript calculators: without loops, a program takes no more steps than it has tokens --------------------------

_TWO: dict[bytes, Callable[[Any, Any], Any]] = {
    b"add": lambda a, b: a + b,
    b"sub": lambda a, b: a - b,
    b"mul": lambda a, b: a * b,
    b"div": lambda a, b: a / b if b else 0.0,
    b"idiv": lambda a, b: int(a / b) if b else 0,
    b"mod": lambda a, b: math.fmod(int(a), int(b)) if int(b) else 0,
    b"exp": lambda a, b: a**b if a > 0 else 0.0,
    b"atan": lambda a, b: math.degrees(math.atan2(a, b)) % 360,
    b"eq": lambda a, b: a == b,
    b"ne": lambda a, b: a != b,
    b"gt": lambda a, b: a > b,
    b"ge": lambda a, b: a >= b,
    b"lt": lambda a, b: a < b,
    b"le": lambda a, b: a <= b,
    b"and": lambda a, b: int(a) & int(b),
    b"or": lambda a, b: int(a) | int(b),
    b"xor": lambda a, b: int(a) ^ int(b),
    b"bitshift": lambda a, b: int(a) << min(int(b), 31) if b >= 0 else int(a) >> min(int(-b), 31),
}
_ONE: dict[bytes, Callable[[Any], Any]] = {
    b"abs": abs,
    b"neg": lambda a: -a,
    b"ceiling": math.ceil,
    b"floor": math.floor,
    b"round": lambda a: math.floor(a + 0.5),
    b"truncate": math.trunc,
    b"sqrt": lambda a: math.sqrt(a) if a > 0 else 0.0,
    b"sin": lambda a: math.sin(math.radians(a)),
    b"cos": lambda a: math.cos(math.radians(a)),
    b"ln": lambda a: math.log(a) if a > 0 else 0.0,
    b"log": lambda a: math.log10(a) if a > 0 else 0.0,
    b"cvi": int,
    b"cvr": float,
    b"not": lambda a: not a if isinstance(a, bool) else ~int(a),
}
_STACK = frozenset([b"pop", b"dup", b"exch", b"copy", b"index", b"roll", b"if", b"ifelse"])
_CONSTANTS = {b"true": True, b"false": False}


def _calculator(data: bytes, outputs: int) -> Function:
    tokens = _TOKEN.findall(data)
    if len(tokens) > MAX_TOKENS or not tokens or tokens[0] != b"{":
        raise NotAFunction("program")
    program, end = _parsed(tokens, 1, 0)
    if end != len(tokens):
        raise NotAFunction("program")

    def evaluate(inputs: Sequence[float]) -> list[float]:
        stack: list[Any] = list(inputs)
        try:
            _run(program, stack)
            results = [float(value) for value in stack[-outputs:]]
        except (IndexError, ValueError, TypeError, OverflowError, ArithmeticError):
            results = []
        return [0.0] * (outputs - len(results)) + results

    return evaluate


def _parsed(tokens: list[bytes], at: int, depth: int) -> tuple[list[Any], int]:
    """The program that begins at a token, up to its brace, and where that is passed."""
    program: list[Any] = []
    while at < len(tokens) and depth <= MAX_DEPTH * 4:
        token = tokens[at]
        at += 1
        if token == b"}":
            return program, at
        if token == b"{":
            block, at = _parsed(tokens, at, depth + 1)
            program.append(block)
        elif token in _TWO or token in _ONE or token in _STACK:
            program.append(token)
        elif token in _CONSTANTS:
            program.append(_CONSTANTS[token])
        else:
            try:
                program.append(float(token))
            except ValueError as exc:
                raise NotAFunction("operator") from exc
    raise NotAFunction("braces")


def _run(program: list[Any], stack: list[Any]) -> None:
    for step in program:
        if not isinstance(step, bytes):
            stack.append(step)
        elif step in _TWO:
            second = stack.pop()
            stack.append(_TWO[step](stack.pop(), second))
        elif step in _ONE:
            stack.append(_ONE[step](stack.pop()))
        elif step == b"if":
            block = stack.pop()
            if stack.pop():
                _run(block, stack)
        elif step == b"ifelse":
            other, block = stack.pop(), stack.pop()
            _run(block if stack.pop() else other, stack)
        else:
            _shuffle(step, stack)
        if len(stack) > MAX_STACK:
            raise ValueError("stack")


def _shuffle(step: bytes, stack: list[Any]) -> None:
    if step == b"pop":
        stack.pop()
    elif step == b"dup":
        stack.append(stack[-1])
    elif step == b"exch":
        stack[-1], stack[-2] = stack[-2], stack[-1]
    elif step == b"copy":
        count = int(stack.pop())
        if not 0 <= count <= len(stack):
            raise ValueError("copy")
        stack += stack[len(stack) - count :]
    elif step == b"index":
        index = int(stack.pop())
        if index < 0:
            raise ValueError("index")
        stack.append(stack[-1 - index])
    elif step == b"roll":
        by, count = int(stack.pop()), int(stack.pop())
        if not 0 <= count <= len(stack):
            raise ValueError("roll")
        if count:
            top = stack[len(stack) - count :]
            by %= count
            stack[len(stack) - count :] = top[count - by :] + top[: count - by]
