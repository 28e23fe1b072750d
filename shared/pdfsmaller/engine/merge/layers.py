"""Layers (optional content): every document's groups, and whether they show, as they were."""

from __future__ import annotations

from typing import Any

from pikepdf import Array, Dictionary, Object

from pdfsmaller.engine.merge.source import Source
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.structure.writer import PdfWriter

_LISTS = ("/ON", "/OFF", "/Order", "/RBGroups", "/Locked", "/AS")


class Layers:
    """The optional content of all documents."""

    def __init__(self) -> None:
        self._groups: list[bytes] = []
        self._configurations: list[bytes] = []
        self._default: dict[str, list[bytes]] = {key: [] for key in _LISTS}
        self._settings: bytes | None = None
        self._numbers: dict[int, dict[ObjGen, int | None]] = {}

    def prepare(self, source: Source) -> None:
        """In a later go the groups are there already: the same switch shows both copies of a page."""
        if source.again:
            source.graft.numbers |= self._numbers.get(source.index, {})

    def take(self, source: Source) -> None:
        """Copy the groups and the default configuration."""
        properties = source.part("/OCProperties")
        groups = properties.get("/OCGs") if properties is not None else None
        if source.again or properties is None or not isinstance(groups, Array):
            return
        syntax = source.graft.syntax
        members = [group for group in groups if isinstance(group, Dictionary) and group.is_indirect]
        self._groups += [syntax(group) for group in members]
        self._numbers[source.index] = {group.objgen: source.graft.numbers[group.objgen] for group in members}
        default = properties.get("/D")
        if isinstance(default, Dictionary):
            hidden = self._hidden(default, members)
            for key in _LISTS:
                self._default[key] += [syntax(item) for item in (hidden if key == "/OFF" else _items(default, key))]
            if self._settings is None:
                keys = [key for key in ("/Name", "/Creator", "/ListMode") if key in default]
                self._settings = b" ".join(b"%s %s" % (key.encode(), syntax(default[key])) for key in keys)
        self._configurations += [syntax(item) for item in _items(properties, "/Configs")]

    def write(self, writer: PdfWriter) -> int | None:
        """The number of the catalog's entry, or None where no document had layers."""
        if not self._groups:
            return None
        lists = b" ".join(b"%s [%s]" % (key.encode(), b" ".join(items)) for key, items in self._default.items())
        body = b"<< /OCGs [%s] /D << %s %s >>" % (b" ".join(self._groups), self._settings or b"", lists)
        if self._configurations:
            body += b" /Configs [%s]" % b" ".join(self._configurations)
        return writer.write(body + b" >>")

    @staticmethod
    def _hidden(default: Dictionary, members: list[Dictionary]) -> list[Any]:
        """The groups that do not show: where all begin hidden (BaseState OFF), those not switched on."""
        if default.get("/BaseState") != "/OFF":
            return _items(default, "/OFF")
        shown = {group.objgen for group in _items(default, "/ON") if isinstance(group, Object)}
        return [group for group in members if group.objgen not in shown]


def _items(holder: Dictionary, key: str) -> list[Any]:
    value = holder.get(key)
    return list(value) if isinstance(value, Array) else []
