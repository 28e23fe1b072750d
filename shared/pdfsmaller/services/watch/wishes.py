"""What is to be done to a watched file: ``<name>.options.json`` says it, or the folder that it lies in, or its kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pdfsmaller.errors import InvalidOption, PdfSmallerError
from pdfsmaller.operations import DEFAULT, OperationSpec, droppable, find
from pdfsmaller.services.drops import check_makes_something

OPTIONS_SUFFIX = ".options.json"
#: The longest options file that is read, in bytes.
OPTIONS_MAX_BYTES = 65_536


def wished(name: str, head: bytes, given: bytes | None) -> tuple[OperationSpec, dict[str, Any]]:
    """The operation and the options, unchecked, for a file.

    Args:
        name: its path in the watched folder. The first folder on it that is called as a preset gives that.
        head: its first bytes: an image that nobody says anything of becomes a PDF.
        given: what is in its options file, untrusted, at most one byte over the bound; None where there is none.

    Raises:
        InvalidOption: the options file cannot be used.
    """
    fields = {} if given is None else _fields(given)
    named = fields.pop("operation", None)
    spec = _suited(head) if named is None else find(named, droppable())
    for secret in (field for field in fields if spec.options.is_secret(field)):
        raise InvalidOption(
            secret, "(hidden)", ["(leave it out)"], f"{secret} is not taken from a file. Use the API or the command."
        )
    if "preset" in spec.options.names():
        presets = spec.options.values("preset")
        preset = next((folder for folder in name.split("/")[:-1] if folder in presets), None)
        fields = {"preset": preset} | fields
    options = None
    with suppress(InvalidOption):  # whoever submits the file says what is wrong with its options
        options = spec.options.parse(fields)
    if options is not None:
        check_makes_something(options)
    return spec, fields


def _fields(given: bytes) -> dict[str, Any]:
    if len(given) > OPTIONS_MAX_BYTES:
        raise _refused(f"has more than {OPTIONS_MAX_BYTES:,} bytes")
    try:
        fields = json.loads(given.decode("utf-8-sig"))  # some editors begin a file with a mark of its encoding
    except (ValueError, RecursionError) as exc:
        raise _refused(f"is not JSON: {exc}") from None
    if not isinstance(fields, Mapping):
        raise _refused("is not an object of option names and values")
    return dict(fields)


def _refused(why: str) -> InvalidOption:
    message = f'The options file {why}. Write for example {{"preset": "ebook"}}.'
    return InvalidOption("options", "(a file)", ["an object of option names and values"], message)


def _suited(head: bytes) -> OperationSpec:
    """The first operation that a dropped file can have whose kind of input a file is that begins so."""
    for spec in droppable().values():
        try:
            spec.inputs.check("", len(head), head, len(head))
        except PdfSmallerError:
            continue
        return spec
    return DEFAULT
