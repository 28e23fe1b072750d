"""A figure of the whole service: a number under a name and labels, as Prometheus has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """One number.

    Attributes:
        name: of a series, for example ``jobs_ended_total``, in at most 64 characters.
        value: how much there is of it.
        labels: what tells it from others of its name. They are few: no id, address or file name is one.
    """

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
