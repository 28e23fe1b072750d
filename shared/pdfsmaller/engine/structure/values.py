"""Values: objects that are nothing but their content, stored once, or within their holder where only one has them.

Two objects of the same syntax are the same to every reader, unless they have an identity: pages, annotations, fields,
structure elements, layers, outline items and nodes of trees are told apart by their place, are changed one by one, or
are counted. What is a value is therefore listed here; everything else stays as it is.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict

from pdfsmaller.engine.structure.objects import LIFTED, Body, Objects, walk

_TYPE = re.compile(rb"/Type/(\w+)")
# Dictionaries that are values by their type …
_VALUE_TYPES = frozenset(
    {b"Border", b"CMap", b"Encoding", b"ExtGState", b"Font", b"FontDescriptor", b"Group", b"Halftone", b"Mask"}
    | {b"Pattern", b"Shading", b"Function", b"Action"}
)
# … by an entry that nothing else has …
_VALUE_ENTRIES = re.compile(rb"/(?:FunctionType|ShadingType|PatternType|HalftoneType|Registry|Differences)\b")
# … or by the key under which they are found.
_VALUE_KEYS = frozenset(
    {b"A", b"BE", b"BS", b"CIDSystemInfo", b"ColorSpace", b"DecodeParms", b"Encoding", b"ExtGState", b"Font", b"Group"}
    | {b"MK", b"Pattern", b"Properties", b"Resources", b"Shading", b"XObject"}
)
# Functions that are no streams.
_FUNCTION = re.compile(rb"/FunctionType\b")
# What one object holds under these keys may as well stand in its place.
_OWN_KEYS = _VALUE_KEYS | {b"AA", b"AP", b"ClassMap", b"DR", b"EF", b"MarkInfo", b"OpenAction", b"RoleMap"}
_OWN_KEYS |= {b"ViewerPreferences", b"PageLabels"}
# What has an identity whatever it is called.
_IDENTITY = re.compile(rb"/(?:Parent|Kids|StructParents?|Contents|FT|Rect|Thread)(?![\w.-])")
_IDENTITY_TYPES = frozenset(
    {b"Page", b"Pages", b"Catalog", b"Annot", b"OCG", b"OCMD", b"Outlines", b"StructElem", b"StructTreeRoot", b"MCR"}
    | {b"OBJR", b"Sig", b"SigRef", b"Filespec", b"Template", b"Thread", b"Bead", b"Metadata", b"EmbeddedFile"}
)
# Arrays whose members a reader adds to or takes from.
_LIVING_ARRAYS = frozenset(
    {b"Annots", b"Kids", b"Fields", b"K", b"OCGs", b"Names", b"Nums", b"Limits", b"B", b"ON", b"OFF"}
)
# Dictionaries that ISO 32000 wants, or readers expect, to be objects of their own, though only one refers to them.
_OBJECTS = frozenset({b"Font", b"FontDescriptor", b"Pattern", b"CMap", b"Halftone"})
# An array of annotations, as it stands in a page, and its end.
_ANNOTATIONS = b"/Annots["
# A link, which may stand in that array itself: PDF 2.0 is the first to want a reference there (ISO 32000-2, table 31).
# The most spread of small PDF writers, FPDF, has always written links so; other annotations are left as they are,
# since programs that edit them look for their numbers.
_LINK = re.compile(rb"/Subtype/Link(?![\w.-])")
# What is put into its holder is not larger than this, in bytes, and not nested deeper.
_INLINE_BYTES = 60_000
_INLINE_DEPTH = 8
MAX_ROUNDS = 12
# What an object of its own costs: a reference to it, and its place in an object stream or in the file.
_REFERENCE_BYTES = 8
_PACKED_BYTES = 5
_PLAIN_BYTES = 45
# Object streams take about half of what they hold away.
_PACKING = 0.5


def merge_values(objects: Objects) -> None:
    """Equal values become one, to a fixpoint: merged images make the forms that show them equal."""
    bodies = objects.bodies
    contexts: dict[int, set[bytes]] = defaultdict(set)
    for body in bodies:
        for key, place in body.contexts():
            contexts[place].add(key)
    values = [place for place, body in enumerate(bodies) if _is_value(body, contexts[place])]
    among = set(values)
    holders: dict[int, list[int]] = defaultdict(list)
    for place in values:
        for other in bodies[place].references:
            if other in among:
                holders[other].append(place)
    same = list(range(len(bodies)))
    firsts: dict[object, int] = {}
    digests: dict[int, bytes] = {}
    todo = values
    for _ in range(MAX_ROUNDS):
        merged: list[int] = []
        for place in todo:
            if same[place] != place:
                continue
            value = _key(bodies, place, same, digests)
            first = firsts.setdefault(value, place)
            if _root(same, first) == place:
                firsts[value] = place
            elif first != place:
                same[place] = _root(same, first)
                merged.append(place)
        todo = sorted({holder for place in merged for holder in holders[place]})
        for place in merged:  # if what it became is merged in turn, these change again
            holders[same[place]] += holders[place]
        if not todo:
            break
    for body in bodies:
        body.references = [_root(same, place) for place in body.references]


def _is_value(body: Body, contexts: set[bytes]) -> bool:
    if body.stream is not None or body.lifted:
        return True
    text = body.texts[0] if len(body.texts) == 1 else b"0 0 R".join(body.texts)
    if text[:1] == b"[":
        return not contexts & _LIVING_ARRAYS
    if text[:2] != b"<<":
        return True
    types = set(_TYPE.findall(text))
    if types & _IDENTITY_TYPES or _IDENTITY.search(text):
        return False
    return bool(types & _VALUE_TYPES or _VALUE_ENTRIES.search(text)) or contexts <= _VALUE_KEYS


def _key(bodies: list[Body], place: int, same: list[int], digests: dict[int, bytes]) -> object:
    """What two objects have in common exactly if they are the same value."""
    body = bodies[place]
    digest = b""
    if body.stream is not None:
        digest = digests.get(place) or hashlib.blake2b(body.stream.read_raw_bytes(), digest_size=16).digest()
        digests[place] = digest
    return digest, tuple(body.texts), tuple(_root(same, other) for other in body.references)


def _root(same: list[int], place: int) -> int:
    """What stands for an object in the end."""
    while same[place] != place:
        same[place] = place = same[same[place]]
    return place


def place_values(objects: Objects, *, packed: bool, links: bool) -> None:
    """Values that one object alone refers to go into it, scalars into every holder, and stream's own values back.

    Args:
        packed: objects that are no streams will be packed into object streams.
        links: links that only their page refers to go into it, too.
    """
    bodies = objects.bodies
    uses = _uses(objects)
    own_links = _own_links(objects, uses) if links else frozenset()
    heights: dict[int, int] = {}
    for place in reversed(walk(objects)):
        body = bodies[place]
        if not body.references:
            continue
        texts, references, height = [body.texts[0]], [], 0
        for (key, other), after in zip(list(body.contexts()), body.texts[1:], strict=True):
            target = bodies[other]
            if (
                other != place
                and heights.get(other, 0) < _INLINE_DEPTH
                and (other in own_links or _belongs_inside(body, target, key, uses[other], packed))
            ):
                height = max(height, heights.get(other, 0) + 1)
                _splice(texts, target.texts, after)
                references += target.references
            else:
                texts.append(after)
                references.append(other)
        body.texts, body.references = texts, references
        heights[place] = height


def _belongs_inside(holder: Body, value: Body, key: bytes, uses: int, packed: bool) -> bool:
    if value.stream is not None:
        return False
    start = value.texts[0][:2]
    if start[:1] not in (b"<", b"["):
        return len(value.texts[0]) <= 2 * _REFERENCE_BYTES or (uses == 1 and holder.stream is None)
    size = value.size
    if value.lifted or (holder.stream is not None and key and b"/" + key in LIFTED):
        own = uses * _REFERENCE_BYTES + (size * _PACKING + _PACKED_BYTES if packed else size + _PLAIN_BYTES)
        return uses * size <= own
    if uses > 1 or holder.stream is not None or size > _INLINE_BYTES:
        return False
    if start[:1] == b"[":
        return True
    if start == b"<<" and value.texts[0].startswith(b"<</D[") and b"/Names[" in holder.texts[0]:
        return True  # a destination in a name tree
    if value.texts[0].startswith(b"<<") and _FUNCTION.search(value.texts[0]):
        return True  # shadings, colour spaces and other functions hold functions as they are, too
    types = set(_TYPE.findall(b" ".join(value.texts)))
    return not types & (_OBJECTS | _IDENTITY_TYPES) and (key in _OWN_KEYS or b"ExtGState" in types)


def _own_links(objects: Objects, uses: Counter[int]) -> frozenset[int]:
    """The links that are found in one page's array of annotations and nowhere else."""
    bodies = objects.bodies
    found: set[int] = set()
    arrays: set[int] = set()
    for body in bodies:
        within = False
        for text, place in zip(body.texts, body.references, strict=False):
            within = text.endswith(_ANNOTATIONS) or (within and text == b" ")
            if within:
                found.add(place)
            elif text.endswith(b"/Annots "):
                arrays.add(place)
    for array in arrays:
        if bodies[array].texts[0] == b"[" and uses[array] == 1:
            found.update(bodies[array].references)
    return frozenset(
        place
        for place in found
        if uses[place] == 1 and bodies[place].stream is None and _LINK.search(b"0 0 R".join(bodies[place].texts))
    )


def _splice(texts: list[bytes], value: list[bytes], after: bytes) -> None:
    """Add a value, and what comes after it, to the text so far; blanks stay where they part two words."""
    before = texts.pop()
    if value[0][:1] in (b"/", b"[", b"<", b"("):
        before = before.removesuffix(b" ")
    if value[-1][-1:] in (b"]", b">", b")"):
        after = after.removeprefix(b" ")
    if len(value) == 1:
        texts.append(before + value[0] + after)
    else:
        texts += [before + value[0], *value[1:-1], value[-1] + after]


def _uses(objects: Objects) -> Counter[int]:
    """How often each object is referred to by what the trailer reaches."""
    uses = Counter([objects.root] if objects.info is None else [objects.root, objects.info])
    for place in walk(objects):
        uses.update(objects.bodies[place].references)
    return uses
