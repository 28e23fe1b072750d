"""Plain command lines are read as typer reads them; all others are left to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pdfsmaller.cli import app, plain
from pdfsmaller.operations import OPERATIONS, OperationSpec

EACH = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


@pytest.fixture
def by_typer(monkeypatch: pytest.MonkeyPatch) -> Callable[[OperationSpec, list[str]], dict[str, Any]]:
    """What typer reads of an operation's line."""

    def read(operation: OperationSpec, words: list[str]) -> dict[str, Any]:
        given: list[dict[str, Any]] = []
        monkeypatch.setattr(app, "_here", lambda _: lambda **read: given.append(read) or 0)
        assert app.run([operation.command, *words]) == 0
        (read,) = given
        return read

    return read


def required(operation: OperationSpec) -> list[str]:
    if operation.several_results:
        return ["in.pdf", "--output-dir", "there"]
    return ["in.pdf"] if operation.each_alone else ["in.pdf", "-o", "out.pdf"]


def lines(operation: OperationSpec) -> list[list[str]]:
    """The shortest plain line of an operation, and one for each parameter that it has beside."""
    shortest, options = required(operation), operation.options
    found = [shortest, [*shortest, "other file.pdf"], [*shortest[1:], "in.pdf"]]
    for name in options.names():
        word = f"--{name.replace('_', '-')}"
        if options.is_secret(name):
            found += [[*shortest, "--password-file", "words"], [*shortest, "--password-file", "-"]]
        elif options.is_flag(name):
            found += [[word, *shortest]] + ([[f"--no-{word[2:]}", *shortest]] if options.default(name) else [])
        elif not options.shown(name).per_input:
            found += [[word, "no such value", *shortest], [*shortest, word, "7"]]
    for beside in ("--timeout 2.5", "--max-pages 3", "--max-image-size 1GB", "--max-memory 2GB", "--json", "-q"):
        found.append([*shortest, *beside.split()])
    if operation.each_alone and not operation.several_results:
        found += [[*shortest, "--output", "out.pdf"], [*shortest, "-o", "out.pdf"], [*shortest, "--output-dir", "x"]]
    return found


@EACH
def test_as_typer_reads_them(
    operation: OperationSpec, by_typer: Callable[[OperationSpec, list[str]], dict[str, Any]]
) -> None:
    for line in lines(operation):
        assert plain.read(operation, line) == by_typer(operation, line), line


@EACH
def test_what_is_wrong_or_may_be_meant_otherwise_is_left_to_typer(operation: OperationSpec) -> None:
    shortest = required(operation)
    assert plain.read(operation, shortest)
    for line in (
        [],
        shortest[1:],
        [""],
        *[[*shortest, word] for word in ("--help", "-h", "--", "-", "--nothing", "--timeout", "-qx", "")],
        *[[*shortest, "--timeout", value] for value in ("0", "soon", "nan", "-1")],
        [*shortest, "--max-pages", "1.5"],
        [*shortest, "--max-memory=1GB"],
        [*shortest, "-q", "--quiet"],
        [*shortest, "--effort", "--json"],
        *([shortest[:1]] if len(shortest) > 1 else []),
    ):
        assert plain.read(operation, line) is None, line
