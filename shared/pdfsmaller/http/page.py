"""The web page. Its fields are made from the operations' options: what has a label there (``Shown``) has a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask import Blueprint, Response, render_template

from pdfsmaller.http import answers
from pdfsmaller.operations import OperationSpec, on_page

blueprint = Blueprint("page", __name__)

Control = Literal["select", "password", "checkbox", "text"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a select: what is sent, what it is called, and the operations that have it (empty: all)."""

    value: str
    words: str
    operations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageField:
    """One option on the page, for all operations that have it under this name."""

    name: str
    label: str
    control: Control
    operations: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    chosen: str = ""
    placeholder: str = ""


@blueprint.get("/")
def index() -> Response:
    """The web page."""
    return Response(
        render_template(
            "index.html",
            keys=answers.settings().api_keys_required,
            operations=on_page(),
            fields=page_fields(),
        )
    )


def page_fields() -> list[PageField]:
    """The fields in the order of the operations that have them first."""
    owners: dict[str, list[OperationSpec]] = {}
    for operation in on_page():
        for name in operation.options.model_fields:
            if operation.options.shown(name).label:
                owners.setdefault(name, []).append(operation)
    return [_field(name, operations) for name, operations in owners.items()]


def _field(name: str, operations: list[OperationSpec]) -> PageField:
    options = operations[0].options
    shown, default = options.shown(name), options.default(name)
    return PageField(
        name=name,
        label=shown.label,
        control=_control(operations[0], name),
        operations=tuple(operation.name for operation in operations),
        choices=_without(name, operations) + tuple(Choice(value, words) for value, words in shown.choices.items()),
        chosen="" if default is None else str(default),
        placeholder=shown.placeholder,
    )


def _without(name: str, operations: list[OperationSpec]) -> tuple[Choice, ...]:
    """Having no preset, for operations that may go without one on the page."""
    if name != "preset":
        return ()
    return tuple(Choice("", operation.no_preset, (operation.name,)) for operation in operations if operation.no_preset)


def _control(operation: OperationSpec, name: str) -> Control:
    options = operation.options
    if options.shown(name).choices:
        return "select"
    if options.is_secret(name):
        return "password"
    return "checkbox" if options.is_flag(name) else "text"
