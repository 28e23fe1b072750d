"""Options and reports checked, and described as JSON schemas: by pydantic's models, made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from pdfsmaller.engine.options import Options, described, types_of
from pdfsmaller.errors import InvalidOption

if TYPE_CHECKING:
    from pdfsmaller.engine.report import Facts

FactsT = TypeVar("FactsT", bound="Facts")


def checked(options: type[Options], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the options that are given.

    Args:
        given: untrusted.

    Raises:
        InvalidOption: naming the field, the value and what is allowed.
    """
    try:
        model = options_model(options).model_validate(given)
    except ValidationError as exc:
        error = exc.errors()[0]
    else:
        return {name: getattr(model, name) for name in model.model_fields_set}
    name = str(error["loc"][0]) if error["loc"] else "options"
    if error["type"] == "extra_forbidden":
        # Whatever it holds, it may be a password under a mistyped name.
        known = sorted(options.names())
        raise InvalidOption(name, "(hidden)", known, f"There is no option {name!r}. Options: {', '.join(known)}.")
    value = "(hidden)" if options.is_secret(name) else given.get(name, error.get("input"))
    raise InvalidOption(name, value, options.allowed(name))


def facts(kind: type[FactsT], said: Mapping[str, Any]) -> FactsT:
    """A report from JSON.

    Raises:
        ValueError: it is none.
    """
    report: FactsT = _adapter(kind).validate_python(said)
    return report


_kept: dict[tuple[str, object], Any] = {}


def _adapter(kind: type[FactsT]) -> TypeAdapter[FactsT]:
    adapter: TypeAdapter[FactsT] = _once("adapter", kind, TypeAdapter)
    return adapter


def options_model(options: type[Options]) -> type[BaseModel]:
    """The model that checks options of a class."""
    model: type[BaseModel] = _once("options", options, _options_model)
    return model


def _options_model(options: type[Options]) -> Any:
    return create_model(
        options.__name__,
        __config__=ConfigDict(extra="forbid"),
        **{name: (option_type(options, name), options.default(name)) for name in options.names()},  # type: ignore[call-overload]
    )


def option_type(options: type[Options], name: str) -> Any:
    """An option's type with its bounds and description, for a field of a model."""
    about = described(options)[name]
    bounded = Field(ge=about.low, le=about.high, description=about.description)
    kind = types_of(options)[name]
    return Annotated[kind, BeforeValidator(about.read), bounded] if about.read else Annotated[kind, bounded]


def report_model(report: type[Facts]) -> type[BaseModel]:
    """The model that describes a report."""
    model: type[BaseModel] = _once("report", report, _report_model)
    return model


def _report_model(report: type[Facts]) -> Any:
    types = get_type_hints(report)
    return create_model(
        report.__name__,
        __doc__=report.__doc__,
        **{one.name: (types[one.name], _default(one)) for one in fields(report)},  # type: ignore[call-overload]
    )


def _default(one: Any) -> Any:
    if one.default_factory is not MISSING:
        return Field(default_factory=one.default_factory)
    return ... if one.default is MISSING else one.default


def _once(what: str, kind: type[Any], make: Callable[[type[Any]], Any]) -> Any:
    """What is made of a class, once."""
    if (what, kind) not in _kept:
        _kept[what, kind] = make(kind)
    return _kept[what, kind]
