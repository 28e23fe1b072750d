"""Values as JSON has them, read as their types say: options as callers write them, reports as a child says them.

The types are those that options and reports are made of: literals, numbers, texts, flags, lists, mappings, optional
ones, and dataclasses of them. Libraries that do this for more types take longer to load than a small job takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_WHOLE = re.compile(r"\s*([+-]?\d+)(?:\.0*)?\s*", re.ASCII)
_FLAGS = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off"), False),
}


def read(kind: Any, value: Any) -> Any:
    """A value of this type. Numbers and flags may be written as text.

    Raises:
        ValueError: it is none.
    """
    return _reader(kind)(value)


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """What reads values of a type: to look into the type takes longer than to read a value."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return partial(_one_of, arguments)
    if origin in (UnionType, Union):
        (kind,) = (argument for argument in arguments if argument is not NoneType)
        return partial(_optional, _reader(kind)) if NoneType in arguments else _reader(kind)
    if origin in (list, tuple):
        return partial(_list, origin, _reader(arguments[0]))
    if origin is dict:
        return partial(_mapping, *map(_reader, arguments))
    if is_dataclass(kind):
        return partial(_record, kind)
    return _READERS[kind]


def written(value: Any) -> Any:
    """What ``json`` writes of a value of these types; ``read`` makes the same of it."""
    if type(value) in _READERS:  # most are
        return value
    if is_dataclass(value):
        return {name: written(getattr(value, name)) for name in types_of(type(value))}
    if isinstance(value, dict):
        return {name: written(item) for name, item in value.items()}
    return [written(item) for item in value] if isinstance(value, list | tuple) else value


def _record(kind: Any, value: Any) -> Any:
    """What was ``written``. What it has no field for counts for nothing."""
    if not isinstance(value, Mapping):
        raise ValueError("not a mapping")
    types, given = types_of(kind), {}
    for one in fields(kind):
        if one.name in value:
            given[one.name] = read(types[one.name], value[one.name])
        elif one.default is MISSING and one.default_factory is MISSING:
            raise ValueError(f"{one.name} is missing")
    return kind(**given)


def _optional(reader: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else reader(value)


def _list(kind: type[list[Any]] | type[tuple[Any, ...]], reader: Callable[[Any], Any], value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError("not a list")
    return kind(map(reader, value))


def _mapping(names: Callable[[Any], Any], values: Callable[[Any], Any], value: Any) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("not a mapping")
    return {names(name): values(item) for name, item in value.items()}


def _one_of(allowed: tuple[Any, ...], value: Any) -> Any:
    if not isinstance(value, str) or value not in allowed:
        raise ValueError("not one of them")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _flag(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in _FLAGS:
        return _FLAGS[value.lower()]
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise ValueError("not a flag")


def _whole(value: Any) -> int:
    if isinstance(value, str):
        digits = _WHOLE.fullmatch(value)
        if not digits:
            raise ValueError("not a whole number")
        return int(digits[1])
    if not isinstance(value, int | float) or value != value // 1:
        raise ValueError("not a whole number")
    return int(value)


def _number(value: Any) -> float:
    if not isinstance(value, str | int | float):
        raise ValueError("not a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("more than a number holds") from None


_READERS = {str: _text, bool: _flag, int: _whole, float: _number}
_types: dict[Any, Mapping[str, Any]] = {}


def types_of(kind: Any) -> Mapping[str, Any]:
    """The type of each field of a class."""
    if kind not in _types:
        _types[kind] = get_type_hints(kind)
    return _types[kind]
