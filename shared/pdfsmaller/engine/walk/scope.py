"""The resources that the names in a content stream refer to.

A name is looked up in the stream's own resources. Where it is missing readers differ: some look in the resources of
what draws the stream, some in the page's, some in the form's defaults (``/DR``). So all of these count then.
"""

from __future__ import annotations

from typing import Literal

from pikepdf import Dictionary, Object

from pdfsmaller.engine.entries import entry

Category = Literal["/Font", "/XObject", "/ExtGState", "/Pattern"]


class Scope:
    """A stream's resources, then those around it.

    Attributes:
        depth: how many scopes are around it.
        key: what tells it apart.
    """

    __slots__ = ("_named", "_resources", "depth", "key", "parent")

    def __init__(self, resources: Object | None, parent: Scope | None, key: object) -> None:
        self.parent = parent
        self.depth: int = parent.depth + 1 if parent else 0
        self.key: tuple[object, object] = (key, parent.key if parent else None)
        self._resources = resources if isinstance(resources, Dictionary) else None
        self._named: dict[Category, dict[str, Object]] = {}

    def own(self, category: Category) -> dict[str, Object]:
        """The stream's own resources of a category.

        Raises:
            pikepdf.PdfError, ValueError: they are damaged.
        """
        known = self._named.get(category)
        if known is None:
            found = entry(self._resources, category) if self._resources is not None else None
            known = self._named[category] = dict(found.items()) if isinstance(found, Dictionary) else {}
        return known

    def find(self, category: Category, name: str) -> tuple[list[Object], int]:
        """What a name may stand for, and the depth of the scope that this depends on (-1: on all of them)."""
        found = self.own(category).get(name)
        if found is not None:
            return [found], self.depth
        candidates: dict[object, Object] = {}
        scope = self.parent
        while scope is not None:
            found = scope.own(category).get(name)
            if found is not None:
                candidates.setdefault(found.objgen if found.is_indirect else found.unparse(), found)
            scope = scope.parent
        return list(candidates.values()), -1

    def all(self, category: Category) -> list[Object]:
        """All resources of a category that any name may stand for."""
        found: list[Object] = []
        scope: Scope | None = self
        while scope is not None:
            found += scope.own(category).values()
            scope = scope.parent
        return found
