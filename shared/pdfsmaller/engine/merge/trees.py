"""Name and number trees (ISO 32000-1, 7.9.6 and 7.9.7): read with distrust, written balanced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pikepdf import Array, Dictionary, Object, String

from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.structure.writer import PdfWriter

# Trees are a few levels deep; more is damage or an attack.
MAX_DEPTH = 50
MAX_ENTRIES = 1_000_000
#: Entries of a leaf, and children of a node.
_FAN_OUT = 64


def read_names(node: Any) -> Iterator[tuple[bytes, Any]]:
    """The pairs of a name tree, in its order. Loops and nonsense are passed over."""
    return ((bytes(key), value) for key, value in _pairs(node, "/Names") if isinstance(key, String))


def read_numbers(node: Any) -> Iterator[tuple[int, Any]]:
    """The pairs of a number tree, in its order. Loops and nonsense are passed over."""
    return ((key, value) for key, value in _pairs(node, "/Nums") if isinstance(key, int) and key >= 0)


def _pairs(root: Any, leaves: str) -> Iterator[tuple[Any, Any]]:
    stack: list[tuple[Any, int]] = [(root, 0)]
    seen: set[ObjGen] = set()
    count = 0
    while stack and count < MAX_ENTRIES:
        node, depth = stack.pop()
        if not isinstance(node, Dictionary) or depth > MAX_DEPTH:
            continue
        if node.is_indirect:
            if node.objgen in seen:
                continue
            seen.add(node.objgen)
        entries = node.get(leaves)
        if isinstance(entries, Array):
            flat: list[Object] = list(entries)
            for place in range(0, len(flat) - 1, 2):
                count += 1
                yield flat[place], flat[place + 1]
        kids = node.get("/Kids")
        if isinstance(kids, Array):
            stack += [(kid, depth + 1) for kid in reversed(list(kids))]


def write_names(writer: PdfWriter, entries: dict[bytes, bytes]) -> int:
    """Write a name tree of keys and their values' syntax; its number."""
    pairs = [(b"<%s>" % key.hex().encode(), value) for key, value in sorted(entries.items())]
    return _write(writer, pairs, b"/Names")


def write_numbers(writer: PdfWriter, entries: dict[int, bytes]) -> int:
    """Write a number tree of keys and their values' syntax; its number."""
    return _write(writer, [(b"%d" % key, value) for key, value in sorted(entries.items())], b"/Nums")


def _write(writer: PdfWriter, pairs: Sequence[tuple[bytes, bytes]], leaves: bytes) -> int:
    """Nodes from the leaves up; each knows the first and the last key below it, and the root does not (Table 36)."""

    def leaf(part: Sequence[tuple[bytes, bytes]]) -> bytes:
        return b"%s [%s]" % (leaves, b" ".join(b"%s %s" % pair for pair in part))

    if len(pairs) <= _FAN_OUT:
        return writer.write(b"<< %s >>" % leaf(pairs))
    level = []
    for start in range(0, len(pairs), _FAN_OUT):
        part = pairs[start : start + _FAN_OUT]
        first, last = part[0][0], part[-1][0]
        level.append((first, last, writer.write(b"<< /Limits [%s %s] %s >>" % (first, last, leaf(part)))))
    while len(level) > _FAN_OUT:
        above = []
        for start in range(0, len(level), _FAN_OUT):
            some = level[start : start + _FAN_OUT]
            first, last = some[0][0], some[-1][1]
            kids = _kids(some)
            above.append((first, last, writer.write(b"<< /Limits [%s %s] %s >>" % (first, last, kids))))
        level = above
    return writer.write(b"<< %s >>" % _kids(level))


def _kids(nodes: Sequence[tuple[bytes, bytes, int]]) -> bytes:
    return b"/Kids [%s]" % b" ".join(b"%d 0 R" % number for _, _, number in nodes)
