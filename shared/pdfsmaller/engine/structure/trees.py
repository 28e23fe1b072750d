"""Name and number trees (ISO 32000-1, 7.9.6 and 7.9.7) in few, full leaves.

Typesetting programs write them with six entries to a leaf, so that a third of a document's objects may be nodes. The
entries and their order stay; a tree that is damaged or out of order is left alone.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from pikepdf import Array, Dictionary, Name, Object, Pdf, String

_LEAF_ENTRIES = 256
_MOST_NODES = 100_000
_MOST_DEPTH = 32

Pairs = list[tuple[Any, Any]]


def fill_trees(pdf: Pdf) -> None:
    """Write the trees of destinations, page labels and tags again where that saves nodes."""
    names, tags = pdf.Root.get("/Names"), pdf.Root.get("/StructTreeRoot")
    for holder, key, leaves in (
        (names, "/Dests", "/Names"),
        (tags, "/IDTree", "/Names"),
        (tags, "/ParentTree", "/Nums"),
        (pdf.Root, "/PageLabels", "/Nums"),
    ):
        tree = holder.get(key) if isinstance(holder, Dictionary) else None
        if isinstance(tree, Dictionary) and "/Kids" in tree and leaves not in tree:
            _fill(pdf, tree, leaves)


def _fill(pdf: Pdf, root: Dictionary, leaves: str) -> None:
    pairs: Pairs = []
    nodes = _collect(root, leaves, pairs)
    if nodes is None or nodes <= 1 + len(pairs) // _LEAF_ENTRIES + 1:
        return
    keys = [_key(key, leaves) for key, _ in pairs]
    if None in keys or any(a >= b for a, b in pairwise(keys)):
        return
    parts = [pairs[start : start + _LEAF_ENTRIES] for start in range(0, len(pairs), _LEAF_ENTRIES)]
    if len(parts) <= 1:
        del root["/Kids"]
        root[leaves] = _flat(parts[0] if parts else [])
        return
    kids = [
        pdf.make_indirect(Dictionary({"/Limits": Array([part[0][0], part[-1][0]]), leaves: _flat(part)}))
        for part in parts
    ]
    root[Name.Kids] = Array(kids)


def _collect(root: Dictionary, leaves: str, pairs: Pairs) -> int | None:
    """Gather the entries in order: the number of nodes, or None where the tree is damaged."""
    seen: set[tuple[int, int]] = set()
    stack: list[tuple[Object, int]] = [(root, 0)]
    nodes = 0
    while stack:
        node, depth = stack.pop()
        nodes += 1
        if not isinstance(node, Dictionary) or depth > _MOST_DEPTH or nodes > _MOST_NODES:
            return None
        if node.is_indirect:
            if node.objgen in seen:
                return None
            seen.add(node.objgen)
        entries, kids = node.get(leaves), node.get("/Kids")
        if isinstance(entries, Array):
            flat = entries.as_list()
            if len(flat) % 2:
                return None
            pairs += zip(flat[::2], flat[1::2], strict=True)
        if isinstance(kids, Array):
            stack += [(kid, depth + 1) for kid in reversed(kids.as_list())]
    return nodes


def _key(key: object, leaves: str) -> Any:
    """What a tree's entries are ordered by, or None for what is no key."""
    if leaves == "/Nums":
        return key if isinstance(key, int) else None
    return bytes(key) if isinstance(key, String) else None


def _flat(pairs: Pairs) -> Array:
    return Array([item for pair in pairs for item in pair])
