"""What a dropped object's own metadata asks for. Passwords and addresses are never read from there."""

from __future__ import annotations

from typing import Any, get_args

from pdfsmaller.engine.options import OPTIONS, Operation
from pdfsmaller.errors import InvalidOption

#: Merging needs several files, and a drop is one.
OPERATIONS: tuple[Operation, ...] = tuple(name for name in get_args(Operation) if name != "merge")


def asked_for(metadata: dict[str, str]) -> tuple[Operation, dict[str, str]]:
    """The operation and the options that metadata names. What is not an option of ours is its owner's own affair.

    An operation that a drop cannot have stays among the options, for ``check`` to refuse where its job runs.
    """
    given = {name.lower().replace("-", "_"): value for name, value in metadata.items()}
    named = given.get("operation", "").strip() or "compress"
    operation: Operation = next((name for name in OPERATIONS if name == named), "compress")
    known = frozenset(OPTIONS[operation].model_fields) - {"password"}
    options = {name: value for name, value in given.items() if name in known}
    return operation, options if operation == named else options | {"operation": named[:100]}


def check(options: dict[str, Any]) -> None:
    """Refuse an operation that a drop cannot have.

    Raises:
        InvalidOption.
    """
    if "operation" in options:
        raise InvalidOption("operation", options["operation"], OPERATIONS)
