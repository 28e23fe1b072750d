"""What a dropped object's own metadata asks for. Passwords and addresses are never read from there."""

from __future__ import annotations

from typing import Any

from pdfsmaller.engine.options import Options
from pdfsmaller.errors import InvalidOption
from pdfsmaller.operations import DEFAULT, droppable, find


def asked_for(metadata: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The operation and the options that metadata names. What is not an option of ours is its owner's own affair.

    An operation that a drop cannot have stays among the options, for ``check`` to refuse where its job runs.
    """
    given = {name.lower().replace("-", "_"): value for name, value in metadata.items()}
    named = given.get("operation", "").strip() or DEFAULT.name
    operation = droppable().get(named, DEFAULT)
    known = {name for name in operation.options.names() if not operation.options.is_secret(name)}
    options = {name: value for name, value in given.items() if name in known}
    return operation.name, options if operation.name == named else options | {"operation": named[:100]}


def check(options: dict[str, Any]) -> None:
    """Refuse an operation that a drop cannot have.

    Raises:
        InvalidOption.
    """
    if "operation" in options:
        find(options["operation"], droppable())


def check_makes_something(options: Options) -> None:
    """Refuse a dry run: a drop's owner looks for a document.

    Raises:
        InvalidOption.
    """
    if options.only_reports:
        raise InvalidOption("dry_run", "true", ["(leave it out)"], "A dropped file cannot have dry_run.")
