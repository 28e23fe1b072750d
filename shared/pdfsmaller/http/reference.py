"""The API's description (OpenAPI 3.1) as what the page of documentation shows: sections of endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A parameter, a field of a body, or an answer: its name, what it can be, and what it means."""

    name: str
    kind: str
    meaning: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. ``anchor`` is its place on the page."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Entry, ...]
    body_type: str
    body: tuple[Entry, ...]
    answers: tuple[Entry, ...]
    sample: str


@dataclass(frozen=True, slots=True)
class Section:
    """The endpoints of one tag, in the description's order."""

    title: str
    endpoints: tuple[Endpoint, ...]


def sections(described: Mapping[str, Any]) -> list[Section]:
    """What the page shows of a description."""
    schemas = described["components"]["schemas"]
    by_tag: dict[str, list[Endpoint]] = {}
    for path, methods in described["paths"].items():
        for method, what in methods.items():
            for tag in what.get("tags", ["Service"])[:1]:
                by_tag.setdefault(tag, []).append(_endpoint(path, method, what, schemas))
    for methods in described["webhooks"].values():
        for method, what in methods.items():
            by_tag.setdefault("Callbacks", []).append(_endpoint("callback_url", method, what, schemas))
    return [Section(tag, tuple(endpoints)) for tag, endpoints in by_tag.items()]


def _endpoint(path: str, method: str, what: Mapping[str, Any], schemas: Mapping[str, Any]) -> Endpoint:
    parameters = tuple(
        Entry(one["name"], f"in the {one['in']}", one.get("description", ""), one.get("required", False))
        for one in what.get("parameters", [])
    )
    body_type, body = _body(what.get("requestBody", {}), schemas)
    return Endpoint(
        anchor=what["operationId"],
        method=method.upper(),
        path=path,
        summary=what["summary"],
        description=what.get("description", ""),
        parameters=parameters,
        body_type=body_type,
        body=tuple(body),
        answers=tuple(_answers(what["responses"])),
        sample="\n".join(sample["source"] for sample in what.get("x-codeSamples", [])),
    )


def _body(body: Mapping[str, Any], schemas: Mapping[str, Any]) -> tuple[str, Iterator[Entry]]:
    """A body's media type and its fields."""
    for media_type, content in body.get("content", {}).items():
        return media_type, _fields(_followed(content["schema"], schemas), schemas)
    return "", iter(())


def _fields(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Entry]:
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        default = field.get("default")
        meaning = field.get("description", "")
        if default not in (None, [], {}, ""):
            meaning = f"{meaning} Default: {_written(default)}.".strip()
        yield Entry(name, _kind(field, schemas), meaning, name in required)


def _kind(field: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """What a field can be, in words."""
    kinds = [_kind_of_one(_followed(one, schemas), schemas) for one in field.get("anyOf", [field])]
    return " or ".join(kind for kind in dict.fromkeys(kinds) if kind)


def _kind_of_one(field: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(map(_written, field["enum"]))
    if "const" in field:
        return _written(field["const"])
    kind: str = field.get("type", "")
    if kind == "array":
        items = field.get("items", {})
        return f"list of {_kind(items, schemas) or 'anything'}"
    if field.get("format") == "binary":
        return "file"
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None and high is not None:
        return f"{low} to {high}"
    return {"null": "", "integer": "whole number", "boolean": "true, false", "string": "text"}.get(kind, kind)


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _followed(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a reference leads to."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def _answers(responses: Mapping[str, Any]) -> Iterator[Entry]:
    for status, answer in sorted(responses.items()):
        kinds = ", ".join(answer.get("content", {}))
        name = f"{status} {HTTPStatus(int(status)).phrase}" if status.isdecimal() else status  # 2XX, default
        yield Entry(name, kinds, answer["description"])
