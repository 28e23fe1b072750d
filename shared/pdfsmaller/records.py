"""Dataclasses that take little to make.

``dataclass`` writes six methods for a frozen class and compiles each: about a millisecond a class, and for all classes
of the engine as long as a small job takes. A ``record`` shares with all others what needs no text of its own (how it is
compared, hashed and shown, that it is frozen), and its ``__init__`` is written with the first instance. ``fields``,
``replace`` and ``asdict`` know it; it is told what ``dataclass`` is told, as far as it takes that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["record", "writing"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen: bool = False, kw_only: bool = False, eq: bool = True) -> Callable[[type], type]:
        """A dataclass; without ``eq`` it is equal to itself alone."""

        def make(cls: type) -> type:
            cls.__doc__ = cls.__doc__ or cls.__name__  # dataclass would take long to write one
            dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(cls)
            shared = {"__init__": _Init(cls, frozen), "__repr__": _repr}
            shared |= {"__eq__": _eq, "__hash__": _hash if frozen else None} if eq else {}
            shared |= {"__setattr__": _refuse, "__delattr__": _refuse} if frozen else {}
            for name, method in shared.items():
                if name not in vars(cls):
                    setattr(cls, name, method)
            _records.append(cls)
            return cls

        return make


_records: list[type] = []


def writing() -> Iterator[Callable[[], object]]:
    """Functions that write the ``__init__`` of the records that there are: for who does so ahead."""
    for cls in _records:
        yield partial(getattr, cls, "__init__")


class _Init:
    """Stands for a class's ``__init__`` until the first who comes for it."""

    def __init__(self, cls: Any, frozen: bool) -> None:
        self._cls, self._frozen = cls, frozen

    def __get__(self, instance: Any, owner: Any) -> Any:
        self._cls.__init__ = written = _written(self._cls, self._frozen)
        return written.__get__(instance, owner)


def _written(cls: Any, frozen: bool) -> Any:
    known: dict[str, Any] = {"MISSING": MISSING, "put": object.__setattr__}
    heads: dict[bool, list[str]] = {False: ["self"], True: ["*"]}
    body = []
    for number, one in enumerate(fields(cls)):
        value, default = one.name, ""
        if one.default is not MISSING:
            known[f"default_{number}"], default = one.default, f" = default_{number}"
        elif one.default_factory is not MISSING:
            known[f"make_{number}"], default = one.default_factory, " = MISSING"
            value = f"make_{number}() if {one.name} is MISSING else {one.name}"
        heads[one.kw_only is True].append(one.name + default)
        body.append(f"put(self, {one.name!r}, {value})" if frozen else f"self.{one.name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    head = [*heads[False], *(heads[True] if len(heads[True]) > 1 else [])]
    exec(f"def __init__({', '.join(head)}):\n " + "\n ".join(body or ["pass"]), known)
    return known["__init__"]


@cache
def _compared(cls: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(cls) if one.compare)


def _values(self: Any) -> tuple[Any, ...]:
    return tuple([getattr(self, name) for name in _compared(self.__class__)])


def _eq(self: Any, other: object) -> bool:
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _refuse(self: Any, name: str, *_: object) -> NoReturn:
    raise FrozenInstanceError(f"field {name!r} of {self.__class__.__name__} cannot be changed")
