"""Each operation is described once: the command, the API and the page have what its options say, and nothing else."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main

from pdfsmaller import operations
from pdfsmaller.cli import arguments, names
from pdfsmaller.cli.app import made
from pdfsmaller.engine.report import BaseReport
from pdfsmaller.errors import InvalidOption
from pdfsmaller.operations import OPERATIONS, OperationSpec

PACKAGE = Path(operations.__file__).parent
EACH = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
#: What a command has beside its operation's options.
_COMMANDS_OWN = {"inputs", "output", "output_dir", "as_json", "quiet", *arguments.LIMITS, names.PASSWORD_FILE}


def parameters(operation: OperationSpec) -> dict[str, Any]:
    """The parameters of an operation's command, as its parser has them."""
    command: Any = typer.main.get_command(made())
    return {parameter.name: parameter for parameter in command.commands[operation.command].params}


@EACH
def test_every_option_is_described_with_what_it_takes(operation: OperationSpec) -> None:
    options = operation.options
    for name in options.names():
        assert options.description(name).endswith("."), name
        assert options.allowed(name), name


@EACH
def test_the_command_has_a_parameter_for_every_option(operation: OperationSpec) -> None:
    options = operation.options
    wanted = {name for name in options.names() if not options.is_secret(name) and not options.shown(name).per_input}
    assert set(parameters(operation)) - _COMMANDS_OWN - {"help"} == wanted


@EACH
def test_a_parameters_help_says_what_the_option_takes(operation: OperationSpec) -> None:
    for name, parameter in parameters(operation).items():
        if name in operation.options.names() and not operation.options.is_flag(name):
            assert all(value in parameter.help for value in operation.options.allowed(name)), name


@EACH
def test_what_an_error_allows_is_what_the_option_takes(operation: OperationSpec) -> None:
    for name in operation.options.names():
        with pytest.raises(InvalidOption) as caught:
            operation.options.parse({name: {"no": "such value"}})
        assert caught.value.field == name
        assert caught.value.allowed == operation.options.allowed(name)


@EACH
def test_what_an_entry_names_is_there(operation: OperationSpec) -> None:
    module, _, name = operation.entry.partition(":")
    assert callable(getattr(import_module(module), name))
    assert issubclass(operation.report, BaseReport)


@EACH
def test_a_drop_names_an_operation_that_drops_can_have(operation: OperationSpec) -> None:
    assert (operation.name in operations.droppable()) == (operation.drop_suffix is not None)


@pytest.mark.parametrize("name", ["shred", "", None, 7, ["compress"]])
def test_an_operation_that_does_not_exist_is_refused_with_those_that_do(name: object) -> None:
    with pytest.raises(InvalidOption) as caught:
        operations.find(name)
    assert caught.value.allowed == list(OPERATIONS)


def test_nothing_else_compares_an_operations_name() -> None:
    """An operation's name stands in the registry alone; elsewhere it would have to be found when one is added."""
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        if path != Path(operations.__file__)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
        if isinstance(side, ast.Constant) and side.value in OPERATIONS
    ]
    assert found == []
