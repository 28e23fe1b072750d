"""Identical streams of an opened document made one, for files that qpdf writes; ``values`` does more to packed ones."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from pikepdf import Array, Dictionary, Object, Pdf, Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import FILE_TYPES
from pdfsmaller.engine.structure.syntax import name_text

# Rounds of merging: every round can make the parents of merged streams identical in turn. Real files need 2 or 3.
MAX_ROUNDS = 12
_REFERENCE = re.compile(rb"(\d+) (\d+) R\b")


def merge_identical_streams(pdf: Pdf) -> None:
    """Identical streams become one, to a fixpoint: merged images make the forms that show them identical.

    Only streams: no page, field, annotation, structure element or layer is ever merged, since those have an identity
    besides their content.
    """
    objects = {obj.objgen: obj for obj in pdf.objects if isinstance(obj, Stream | Dictionary | Array)}
    text: dict[ObjGen, bytes] = {}
    digests: dict[ObjGen, bytes] = {}
    for objgen, obj in objects.items():
        text[objgen] = _text(obj)
    streams = [
        objgen
        for objgen, obj in objects.items()
        if isinstance(obj, Stream) and name_text(obj.get("/Type")) not in FILE_TYPES
    ]
    merged: dict[ObjGen, ObjGen] = {}
    for _ in range(MAX_ROUNDS):
        first: dict[bytes, list[ObjGen]] = {}
        replaced: dict[ObjGen, ObjGen] = {}
        for objgen in streams:
            if objgen in merged:
                continue
            body = _with_references(text[objgen], merged)
            bucket = first.setdefault(body, [])
            if not bucket:
                bucket.append(objgen)
                continue
            mine = digests.setdefault(objgen, _digest(objects[objgen]))
            for other in bucket:
                if digests.setdefault(other, _digest(objects[other])) == mine:
                    replaced[objgen] = other
                    break
            else:
                bucket.append(objgen)
        if not replaced:
            break
        merged = {old: replaced.get(new, new) for old, new in merged.items()} | replaced
    if merged:
        for objgen, obj in objects.items():
            if objgen not in merged and any(ref in merged for ref in _references(text[objgen])):
                _redirect(pdf, obj, merged)
        _redirect(pdf, pdf.trailer, merged)


def _text(obj: Object) -> bytes:
    with tolerate("object"):
        return obj.stream_dict.unparse(resolved=True) if isinstance(obj, Stream) else obj.unparse(resolved=True)
    return b""


def _digest(stream: Object) -> bytes:
    return hashlib.sha256(stream.read_raw_bytes()).digest()


def _references(text: bytes) -> list[ObjGen]:
    return [(int(number), int(generation)) for number, generation in _REFERENCE.findall(text)]


def _with_references(text: bytes, merged: dict[ObjGen, ObjGen]) -> bytes:
    """An object's text with references to merged objects pointing to what replaced them."""
    if not merged:
        return text

    def swap(match: re.Match[bytes]) -> bytes:
        new = merged.get((int(match[1]), int(match[2])))
        return b"%d %d R" % new if new else match[0]

    return _REFERENCE.sub(swap, text)


def _redirect(pdf: Pdf, holder: Object, merged: dict[ObjGen, ObjGen], depth: int = 0) -> None:
    """Point every reference within one object (not following references) to what replaced its target."""
    if depth > 100:
        return
    container: Object = holder.stream_dict if isinstance(holder, Stream) else holder
    entries: list[tuple[Any, Object]]
    if isinstance(container, Array):
        entries = list(enumerate(container.as_list()))
    elif isinstance(container, Dictionary):
        entries = list(container.items())
    else:
        return
    for key, item in entries:
        if not isinstance(item, Object):
            continue
        if item.is_indirect:
            if item.objgen in merged:
                container[key] = pdf.get_object(merged[item.objgen])
        elif isinstance(item, Array | Dictionary):
            _redirect(pdf, item, merged, depth + 1)
