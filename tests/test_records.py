"""Dataclasses that are made when they are first used."""

from __future__ import annotations

import threading
from dataclasses import FrozenInstanceError, asdict, field, fields, is_dataclass, replace

import pytest

from pdfsmaller.records import record


@record(frozen=True, kw_only=True)
class Base:
    name: str
    pages: list[int] = field(default_factory=list)


@record(frozen=True, kw_only=True)
class Sub(Base):
    size: int = 0

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("less than nothing")


class Plain(Sub):
    """A subclass that says nothing of itself."""


def test_one_is_what_a_dataclass_is() -> None:
    one = Sub(name="a", size=3)
    assert (one.name, one.pages, one.size) == ("a", [], 3)
    assert one == Sub(name="a", size=3) != Sub(name="b", size=3)
    assert repr(one) == "Sub(name='a', pages=[], size=3)"
    assert asdict(replace(one, pages=[1])) == {"name": "a", "pages": [1], "size": 3}
    with pytest.raises(FrozenInstanceError):
        one.size = 4  # type: ignore[misc]
    with pytest.raises(TypeError):
        Sub(size=1)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="less than nothing"):
        Sub(name="a", size=-1)


def test_fields_are_known_before_there_is_one() -> None:
    @record(frozen=True)
    class Lower:
        first: int

    @record(frozen=True)
    class Upper(Lower):
        second: int = 2

    assert is_dataclass(Upper)
    assert [one.name for one in fields(Upper)] == ["first", "second"]
    assert [one.name for one in fields(Lower)] == ["first"]


def test_the_first_one_may_be_of_a_subclass_that_is_no_record() -> None:
    @record()
    class Lower:
        first: int

    class Upper(Lower):
        pass

    assert Upper(first=1).first == Lower(2).first - 1
    assert Plain(name="a").size == 0


def test_a_class_is_made_once_however_many_threads_come_for_it() -> None:
    for _ in range(50):

        @record()
        class Shared:
            number: int

        gate, made = threading.Barrier(4), []

        def make(kind: type[Shared] = Shared, gate: threading.Barrier = gate, made: list[Shared] = made) -> None:
            gate.wait()
            made.append(kind(len(made) * 0))

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [Shared(0)] * 4
