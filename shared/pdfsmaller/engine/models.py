"""Options and reports as pydantic's models, which describe them as JSON schemas; ``values`` is what reads them."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, create_model

from pdfsmaller.engine.options import Options, described
from pdfsmaller.engine.values import types_of

if TYPE_CHECKING:
    from pdfsmaller.engine.report import Facts


def option_type(options: type[Options], name: str) -> Any:
    """An option's type with its bounds and description, for a field of a model."""
    about = described(options)[name]
    return Annotated[types_of(options)[name], Field(ge=about.low, le=about.high, description=about.description)]


def report_model(report: type[Facts]) -> type[BaseModel]:
    """The model that describes a report."""
    types = types_of(report)
    model: type[BaseModel] = create_model(
        report.__name__,
        __doc__=report.__doc__,
        **{one.name: (types[one.name], _default(one)) for one in fields(report)},  # type: ignore[call-overload]
    )
    return model


def _default(one: Any) -> Any:
    if one.default_factory is not MISSING:
        return Field(default_factory=one.default_factory)
    return ... if one.default is MISSING else one.default
