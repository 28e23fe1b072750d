"""Whether a merged document, or a part of one that was split, still has everything that its sources had.

An oracle that knows nothing of the engine.

Two ways, for two kinds of error:

- ``Pairing`` walks a source and the result side by side from every root (pages, fields, tags, outline, layers …) and
  compares whatever it meets, following references. What merging may change is listed there by name; anything else is
  a difference. An object with an identity (annotation, field, element, layer) must have exactly one counterpart.
- pdfium reads the text, the pixels, the labels and the outline of both, as a viewer would.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

ObjGen = tuple[int, int]

_REFERENCE = re.compile(rb"\((?:[^\\()]|\\.)*\)|<[0-9A-Fa-f]+>|(?<![\w.+-])(\d+) (\d+) R\b", re.DOTALL)
#: An object with one of these in it is looked at entry by entry, since some may or must differ.
_CLOSER = re.compile(
    rb"/(?:Dest|GoTo|StructParents?|StructElem|DA|T|FT|JS|Page|Q|V|ID|Lang|Parent|P|Annots|Crypt|Metadata)\b"
)
_INHERITED = ("/Resources", "/MediaBox", "/CropBox", "/Rotate")
#: What compression writes in another way; pages are read as a viewer reads them instead.
_CODED_ANEW = ("/Resources", "/Contents", "/AP", "/Thumb", "/PieceInfo", "/Metadata", "/LastModified", "/Group", "/MK")
#: What compression leaves out where readers take the same for granted: a box is the next larger one, upright upright.
_OTHERWISE = {"/CropBox": "/MediaBox", "/TrimBox": "/CropBox", "/BleedBox": "/CropBox", "/ArtBox": "/CropBox"}
#: … and what none asks for: names of fonts, procedure sets, measures of fonts that are embedded.
_NEVER_ASKED = ("/Name", "/ProcSet", "/AvgWidth", "/MaxWidth", "/Leading", "/XHeight", "/StemH")
#: Of links and destinations, compression keeps places to a tenth of a point.
_PLACE_POINTS = 0.0501
_MOST = 12  # differences told of one comparison


@dataclass(slots=True)
class Part:
    """One source of a merge.

    Attributes:
        pages: those picked, as indices from 0; None for all.
        elsewhere: where links to pages that were not picked lead now: the file's name, and the page in it.
        pruned: resources that a page does not use may be gone.
    """

    path: Path
    password: str | None = None
    pages: list[int] | None = None
    name: str = ""
    elsewhere: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    pruned: bool = False


@dataclass
class Pairing:
    """A source beside the share of the result that came from it."""

    source: Pdf
    result: Pdf
    picks: list[int]
    base: int
    decoded: bool = False  # streams may be coded anew
    elsewhere: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    pruned: bool = False
    found: list[str] = field(default_factory=list)
    _pairs: dict[ObjGen, ObjGen] = field(default_factory=dict)
    _back: dict[ObjGen, ObjGen] = field(default_factory=dict)
    _todo: list[tuple[str, Any, Any]] = field(default_factory=list)
    _shift: int | None = None

    def __post_init__(self) -> None:
        self.whole = self.picks == list(range(len(self.source.pages)))
        self._source_pages = {page.obj.objgen: n for n, page in enumerate(self.source.pages)}
        self._result_pages = {page.obj.objgen: n for n, page in enumerate(self.result.pages)}
        self._source_names, self._result_names = destinations(self.source), destinations(self.result)
        self._source_tree, self._result_tree = parent_tree(self.source), parent_tree(self.result)
        self._source_roles, self._result_roles = roles(self.source), roles(self.result)
        self._source_form, self._result_form = _form(self.source), _form(self.result)
        self._ends: set[ObjGen] = {
            self.source.Root[key].objgen
            for key in ("/Outlines", "/StructTreeRoot", "/AcroForm", "/Pages")
            if isinstance(self.source.Root.get(key), Object)
        }
        self._ends.add(self.source.Root.objgen)

    def say(self, where: str, what: str) -> None:
        if len(self.found) < _MOST:
            self.found.append(f"{where}: {what}")

    def identities(self) -> set[ObjGen]:
        """What in the result is this source's alone."""
        return set(self._back)

    def compare(self, where: str, a: Any, b: Any) -> None:
        """Two objects and everything below them."""
        self._todo.append((where, a, b))
        while self._todo and len(self.found) < _MOST:
            self._step(*self._todo.pop())

    def _step(self, where: str, a: Any, b: Any) -> None:
        if isinstance(a, Object) and a.is_indirect:
            if self._known(where, a, b):
                return
            if isinstance(b, Object) and type(a) is type(b) and not isinstance(a, Stream) and self._alike(where, a, b):
                return
        if isinstance(a, Stream):
            self._streams(where, a, b)
        elif isinstance(a, Dictionary):
            self._dictionaries(where, a, b)
        elif isinstance(a, Array):
            if not isinstance(b, Array) or len(a) != len(b):
                self.say(where, f"array of {len(a)} became {_short(b)}")
            else:
                for n, (one, other) in enumerate(zip(a, b, strict=True)):
                    self._todo.append((f"{where}[{n}]", one, other))
        elif isinstance(a, String) and isinstance(b, String):
            if bytes(a) != bytes(b) and not (self.decoded and str(a) == str(b)):
                self.say(where, f"{_short(a)} became {_short(b)}")
        elif a != b:
            self.say(where, f"{_short(a)} became {_short(b)}")

    def _known(self, where: str, a: Object, b: Any) -> bool:
        """Whether a pair needs no further look: a page, an end of the walk, or one that was met before."""
        page = self._source_pages.get(a.objgen)
        if page is not None:
            if page not in self.picks:
                if b is not None:
                    self.say(where, f"leads to page {page} that is not there: {_short(b)}")
            elif not isinstance(b, Object) or self._result_pages.get(b.objgen) != self.base + self.picks.index(page):
                there = self._result_pages.get(b.objgen) if isinstance(b, Object) else b
                self.say(where, f"page {page} should be {self.base + self.picks.index(page)}, is {there}")
            return True
        if a.objgen in self._ends or _is_container(a):
            return True
        if not isinstance(b, Object):
            self.say(where, f"{_short(a)} became {_short(b)}")
            return True
        before = self._pairs.get(a.objgen)
        if before is not None:
            if before != b.objgen and _has_identity(a):
                self.say(where, f"{_short(a)} has two counterparts")
            return before == b.objgen
        self._pairs[a.objgen] = b.objgen
        if b.is_indirect and _has_identity(a):
            if self._back.setdefault(b.objgen, a.objgen) != a.objgen:
                self.say(where, f"{_short(a)} was joined with another")
        elif _has_identity(a) and not _is_plain_link(a):
            self.say(where, f"{_short(a)} lost its identity")
        return False

    def _alike(self, where: str, a: Object, b: Object) -> bool:
        """The quick way: the same syntax but for the numbers of references, which are followed."""
        one, other = a.unparse(resolved=True), b.unparse(resolved=True)
        if _CLOSER.search(one) or _CLOSER.search(other):
            return False
        if _REFERENCE.sub(_blank, one) != _REFERENCE.sub(_blank, other):
            return False
        for left, right in zip(_references(one), _references(other), strict=True):
            self._todo.append((f"{where}/…", self.source.get_object(left), self.result.get_object(right)))
        return True

    def _streams(self, where: str, a: Stream, b: Any) -> None:
        if not isinstance(b, Stream):
            return self.say(where, f"stream became {_short(b)}")
        if a.read_raw_bytes() != b.read_raw_bytes():
            if self.decoded and a.get("/Subtype") == "/Image":
                return None
            try:
                one, other = a.read_bytes(), b.read_bytes()
            except pikepdf.PdfError:
                return self.say(where, "a stream that cannot be decoded changed")
            if one != other and not (self.decoded and one.split() == other.split()):
                return self.say(where, f"a stream of {len(one)} bytes became one of {len(other)}")
        self._entries(where, a, b, {"/Length", "/Filter", "/DecodeParms", "/DL", "/F", "/FFilter", "/FDecodeParms"})
        return None

    def _dictionaries(self, where: str, a: Dictionary, b: Any) -> None:
        if not isinstance(b, Dictionary):
            return self.say(where, f"dictionary became {_short(b)}")
        skip = set(_CODED_ANEW) if self.decoded else set()
        if a.get("/FT") == "/Sig" and "/V" in a:  # a signature ends; what it looked like stays, as a button
            skip |= {"/V", "/Lock", "/SV", "/FT", "/Ff"}
            if "/V" in b or (b.get("/FT"), b.get("/Ff")) != ("/Btn", 1 << 16 | 1):
                self.say(where, "a signature did not end, or not as it should")
        if _is_page(a):
            skip |= {"/Parent", "/Type", *_INHERITED}
            if not self.decoded:
                self._resources(f"{where}/Resources", _inherited(a, "/Resources"), _inherited(b, "/Resources"))
            read = _taken_for_granted if self.decoded else _inherited
            keys = [*_INHERITED[1:], *(_OTHERWISE if self.decoded else ())]
            skip |= set(keys)
            for key in keys:
                self._todo.append((f"{where}{key}", read(a, key), read(b, key)))
        if self.decoded and ("/BaseFont" in a or "/FontName" in a or "/ProcSet" in a):
            skip |= set(_NEVER_ASKED)
        if "/S" in a and ("/P" in a or a.get("/Type") == "/StructElem") and "/K" in b:
            skip |= {"/S", "/C", "/ID"}
            if "/Lang" not in a:
                skip.add("/Lang")
            one, other = _role(a, self._source_roles), _role(b, self._result_roles)
            if one != other:
                self.say(where, f"role {one} became {other}")
        if "/Title" in a and ("/Parent" in a or "/Next" in a or "/Prev" in a):
            skip |= {"/Parent", "/Prev", "/Last"}  # often wrong; /First and /Next are what readers follow
        if a.get("/S") == "/GoTo":
            skip.add("/D")
            self._destinations(f"{where}/D", a.get("/D"), b.get("/D"))
        self._entries(where, a, b, skip)
        return None

    def _entries(self, where: str, a: Any, b: Any, skip: set[str]) -> None:
        for key in {*a.keys(), *b.keys()} - skip:
            if not _is_readable(key):
                continue
            one, other = a.get(key), b.get(key)
            here = f"{where}{key}"
            if key in ("/StructParents", "/StructParent"):
                self._parents(here, one, other)
            elif key == "/Dest":
                self._destinations(here, one, other)
            elif key == "/T" and isinstance(one, String) and isinstance(other, String):
                if not re.fullmatch(re.escape(str(one)) + r"(_\d+)?", str(other), re.DOTALL):
                    self.say(here, f"{_short(one)} became {_short(other)}")
            elif key == "/JS":
                if _script(one).count("\n") != _script(other).count("\n"):
                    self.say(here, "script changed")
            elif key in ("/DA", "/Q") and (isinstance(one, String | int) or isinstance(other, String | int)):
                self._appearances(here, key, a, b)
            elif key == "/Resources":
                self._resources(here, one, other)
            elif key == "/Annots" and not self.whole:
                self._annotations(here, one, other)
            elif key in ("/Rect", "/QuadPoints") and self.decoded and a.get("/Subtype") == "/Link":
                if len(one) != len(other) or not all(
                    _is_place(left, right) for left, right in zip(one, other, strict=True)
                ):
                    self.say(here, f"{_short(one)} became {_short(other)}")
            elif not self.whole and key in ("/Parent", "/Kids", "/B"):
                pass
            else:
                self._todo.append((here, one, other))

    def _resources(self, where: str, one: Any, other: Any) -> None:
        """Resources are the same, but for those that may be gone."""
        if not self.pruned or not isinstance(one, Dictionary) or not isinstance(other, Dictionary):
            self._todo.append((where, one, other))
            return
        for category, entries in other.items():
            given = one.get(category)
            if isinstance(entries, Dictionary) and isinstance(given, Dictionary):
                self._todo += [(f"{where}{category}{name}", given.get(name), b) for name, b in entries.items()]
            else:
                self._todo.append((f"{where}{category}", given, entries))

    def _annotations(self, where: str, one: Any, other: Any) -> None:
        """All annotations are there, but for links to pages that are nowhere."""
        left = [
            a
            for a in (one or [])
            if not (isinstance(a, Dictionary) and a.get("/Subtype") == "/Link" and self._is_dead(a))
            or self._page_of(a) in self.elsewhere
        ]
        right = list(other or [])
        if len(left) != len(right):
            return self.say(where, f"{len(left)} annotations became {len(right)}")
        for n, (a, b) in enumerate(zip(left, right, strict=True)):
            if isinstance(a, Dictionary) and a.get("/Subtype") == "/Link" and self._is_dead(a):
                self._remote_link(f"{where}[{n}]", a, b)
            else:
                self._todo.append((f"{where}[{n}]", a, b))
        return None

    def _remote_link(self, where: str, a: Dictionary, b: Dictionary) -> None:
        """A link to a page that is not here leads to the file that has it, and shows the same of it."""
        page = self._page_of(a)
        file, place = self.elsewhere[-1 if page is None else page]
        action = b.get("/A", Dictionary())
        expected = (Name.GoToR, file, file, place)
        named = action.get("/F", Dictionary())
        got = (action.get("/S"), str(named.get("/F")), str(named.get("/UF")), action.get("/D", [None])[0])
        if got != expected:
            self.say(where, f"should lead to {expected}, leads to {got}")
        elif list(action.D)[1:] != (self._target(a) or [])[1:]:
            self.say(where, "the view of another file's page changed")
        self._known(where, a, b)
        self._entries(where, a, b, {"/Dest", "/A"})

    def _target(self, link: Dictionary) -> list[Any] | None:
        given = link.get("/Dest")
        action = link.get("/A")
        if given is None and isinstance(action, Dictionary) and action.get("/S") == "/GoTo":
            given = action.get("/D")
        return resolve(given, self._source_names)

    def _page_of(self, link: Dictionary) -> int | None:
        resolved = self._target(link)
        return self._source_pages.get(resolved[0].objgen) if resolved and isinstance(resolved[0], Object) else None

    def _is_dead(self, link: Dictionary) -> bool:
        page = self._page_of(link)
        return page is not None and page not in self.picks

    def _destinations(self, where: str, one: Any, other: Any) -> None:
        left, right = resolve(one, self._source_names), resolve(other, self._result_names)
        if left is None:
            if right is not None:
                self.say(where, f"{_short(one)} led nowhere and now leads somewhere")
        elif right is None:
            page = self._source_pages.get(left[0].objgen) if isinstance(left[0], Object) else None
            if page is None or page in self.picks:
                self.say(where, f"{_short(one)} became {_short(other)}, which leads nowhere")
        else:
            for n, (a, b) in enumerate(zip(left, right, strict=False)):
                if not (self.decoded and _is_place(a, b)):
                    self._todo.append((f"{where}[{n}]", a, b))
            if len(left) != len(right):
                self.say(where, "the view changed")

    def _parents(self, where: str, one: Any, other: Any) -> None:
        if not isinstance(one, int) or one < 0 or not self._source_tree:
            return
        if one not in self._source_tree:
            if isinstance(other, int) and other in self._result_tree:
                self.say(where, f"{one} was in no tree of parents, {other} is")
            return
        if not isinstance(other, int) or other not in self._result_tree:
            return self.say(where, f"{one} became {other}, which is in no tree of parents")
        if self._shift is None:
            self._shift = other - one
        elif self._shift != other - one:
            self.say(where, "keys moved by different distances")
        left, right = self._source_tree[one], self._result_tree[other]
        if self.whole:
            self._todo.append((f"{where}→", left, right))
        elif isinstance(left, Array) and isinstance(right, Array):
            before = [_role(e, self._source_roles) if isinstance(e, Dictionary) else None for e in left]
            after = [_role(e, self._result_roles) if isinstance(e, Dictionary) else None for e in right]
            if before != after:
                self.say(where, "the roles of its marked content changed")
        return None

    def _appearances(self, where: str, key: str, a: Any, b: Any) -> None:
        """A default appearance says the same, the fonts it names are the same."""
        one, other = _above(a, key, self._source_form), _above(b, key, self._result_form)
        if key == "/Q":
            if int(one or 0) != int(other or 0):
                self.say(where, f"{one} became {other}")
            return
        left, right = str(one or "").split(), str(other or "").split()
        if len(left) != len(right):
            return self.say(where, f"{_short(one)} became {_short(other)}")
        for before, after in zip(left, right, strict=True):
            if before.startswith("/") and after.startswith("/"):
                font = _font(self._source_form, before)
                if font is not None:
                    self._todo.append((f"{where}{before}", font, _font(self._result_form, after)))
            elif before != after:
                self.say(where, f"{_short(one)} became {_short(other)}")
        return None


# --- the whole comparison ---------------------------------------------------------------------------------------------


def differences(
    parts: list[Part], merged: Path, *, decoded: bool = False, per_source: bool = True, pixels: bool = True
) -> list[str]:
    """What a merged document lacks or has changed, in words; nothing where all is well.

    Args:
        decoded: images were compressed, so that neither their bytes nor pixels can be compared.
        per_source: each source's outline is under an entry of its own.
    """
    found: list[str] = []
    with Pdf.open(merged) as result:
        sources = [Pdf.open(part.path, password=part.password or "") for part in parts]
        try:
            picks = [
                part.pages if part.pages is not None else list(range(len(pdf.pages)))
                for part, pdf in zip(parts, sources, strict=True)
            ]
            if sum(map(len, picks)) != len(result.pages):
                return [f"{sum(map(len, picks))} pages became {len(result.pages)}"]
            found += _structure(parts, sources, picks, result, decoded=decoded, per_source=per_source)
            if all(_is_sound(part.path, part.password) for part in parts):
                found += [f"syntax: {problem}" for problem in result.check_pdf_syntax()]
        finally:
            for pdf in sources:
                pdf.close()
    found += _seen(parts, picks, merged, pixels=pixels and not decoded, per_source=per_source)
    return found


@lru_cache(maxsize=80)
def _is_sound(path: Path, password: str | None) -> bool:
    with Pdf.open(path, password=password or "") as pdf:
        return not pdf.check_pdf_syntax()


def _structure(
    parts: list[Part], sources: list[Pdf], picks: list[list[int]], result: Pdf, *, decoded: bool, per_source: bool
) -> list[str]:
    found: list[str] = []
    taken: Counter[str] = Counter()
    base = 0
    per_source = per_source and len(parts) > 1
    entries = _kids(result.Root.get("/Outlines"))
    attached = _attached(result)
    owned: set[ObjGen] = set()
    if per_source and any("/Outlines" in pdf.Root for pdf in sources) and len(entries) != len(parts):
        return [f"{len(parts)} sources have {len(entries)} entries in the outline"]
    for number, (part, source, mine) in enumerate(zip(parts, sources, picks, strict=True)):
        pairing = Pairing(source, result, mine, base, decoded, part.elsewhere, part.pruned)
        for place, page in enumerate(mine):
            if page not in mine[:place]:
                # As roots: else the walk would take a page for a mere reference to one.
                pairing._dictionaries(f"page {page}", source.pages[page].obj, result.pages[base + place].obj)
                pairing.compare(f"page {page}", None, None)
        if pairing.whole:
            _compare_wholes(pairing, taken)
            top = _kids(source.Root.get("/Outlines"))
            if per_source:
                items = _kids(entries[number]) if entries else []
            else:
                items = entries[taken["outline"] : taken["outline"] + len(top)]
                taken["outline"] += len(top)
            if len(top) != len(items):
                pairing.say("outline", f"{len(top)} entries became {len(items)}")
            for one, other in zip(top, items, strict=False):
                if per_source:
                    pairing.compare("outline", one, other)
            if lost := _attached(source) - attached:
                pairing.say("attachments", f"lost: {[name for name, _ in lost]}")
        if shared := owned & pairing.identities():
            pairing.say("identities", f"{len(shared)} objects belong to an earlier document too")
        owned |= pairing.identities()
        found += [f"{part.path.name}: {problem}" for problem in pairing.found]
        base += len(mine)
    found += _left_over(sources, result)
    if _information(sources[0]) != _information(result):
        found.append("the document information is not the first document's")
    return found


def _compare_wholes(pairing: Pairing, taken: Counter[str]) -> None:
    """Fields, calculation order, tags and layers: each a stretch of the result's."""
    source, result = pairing.source.Root, pairing.result.Root
    lists = [
        ("/AcroForm", "/Fields"),
        ("/AcroForm", "/CO"),
        ("/StructTreeRoot", "/K"),
        ("/OCProperties", "/OCGs"),
        ("/OCProperties", "/D/Order"),
        ("/OCProperties", "/D/RBGroups"),
    ]
    for key, kind in lists:
        mine = [item for item in _listed(source.get(key), kind) if item is not None]
        if kind == "/Fields":
            mine = [item for item in mine if isinstance(item, Dictionary)]
        start = taken[key + kind]
        theirs = _listed(result.get(key), kind)[start : start + len(mine)]
        taken[key + kind] += len(mine)
        if len(mine) != len(theirs):
            pairing.say(key + kind, f"{len(mine)} became {len(theirs)}")
        for n, (one, other) in enumerate(zip(mine, theirs, strict=False)):
            pairing.compare(f"{key}{kind}[{n}]", one, other)
    shown, now = _visible(source), _visible(result)
    for one, other in list(pairing._pairs.items()):
        if one in shown and shown[one] != now.get(other):
            pairing.say("layers", f"shown {shown[one]} became {now.get(other)}")
    for key, value in pairing._source_names.items():
        left = resolve(value, {})
        if left is None or not isinstance(left[0], Object) or left[0].objgen not in pairing._source_pages:
            continue
        target = pairing.base + pairing._source_pages[left[0].objgen]
        candidates = [key, *((*key[:1], key[1] + b".%d" % n) for n in range(2, 12))]
        leads = [resolve(pairing._result_names.get(k), {}) for k in candidates]  # type: ignore[call-overload]
        if not any(r and isinstance(r[0], Object) and pairing._result_pages.get(r[0].objgen) == target for r in leads):
            pairing.say("destinations", f"{key} is lost")
    identities = pikepdf.NameTree(source.StructTreeRoot.IDTree) if _path(source, "/StructTreeRoot/IDTree") else {}
    if identities:
        there = {e.objgen for e in pikepdf.NameTree(result.StructTreeRoot.IDTree).values() if isinstance(e, Object)}
        lost = sum(
            e.objgen in pairing._pairs and pairing._pairs[e.objgen] not in there
            for e in identities.values()
            if isinstance(e, Object)
        )
        if lost:
            pairing.say("ids", f"{lost} elements are not in the tree of ids")


def _left_over(sources: list[Pdf], result: Pdf) -> Iterator[str]:
    """Pages outside the page tree, and objects that nothing refers to."""
    known = {page.obj.objgen for page in result.pages}
    hidden = {obj.objgen for obj in result.objects if isinstance(obj, Dictionary) and _is_page(obj)} - known
    before = sum(
        isinstance(obj, Dictionary) and _is_page(obj) and obj.objgen not in {p.obj.objgen for p in pdf.pages}
        for pdf in sources
        for obj in pdf.objects
    )
    if len(hidden) > before:
        yield f"{len(hidden)} pages are in the file but not in the page tree"
    reached: set[ObjGen] = set()
    todo = _references(result.trailer.unparse(resolved=True))
    while todo:
        objgen = todo.pop()
        if objgen not in reached:
            reached.add(objgen)
            obj = result.get_object(objgen)
            body = obj.stream_dict if isinstance(obj, Stream) else obj
            if isinstance(body, Object):
                todo += _references(body.unparse(resolved=True))
    useless = [
        obj
        for obj in result.objects
        if isinstance(obj, Object)
        and obj.objgen not in reached
        and not (isinstance(obj, Stream) and str(obj.get("/Type")) in ("/ObjStm", "/XRef"))
    ]
    if useless:
        yield f"{len(useless)} objects that nothing refers to, e.g. {_short(useless[0])}"


def loose_ends(merged: Path) -> list[str]:
    """What a document must never have, whatever it was made of."""
    found: list[str] = []
    with Pdf.open(merged) as pdf:
        pages = {page.obj.objgen: n for n, page in enumerate(pdf.pages)}
        names = destinations(pdf)

        def leads(holder: Any) -> bool:
            action = holder.get("/A")
            given = holder.get("/Dest")
            if given is None and isinstance(action, Dictionary) and action.get("/S") == "/GoTo":
                given = action.get("/D")
            if given is None:
                return True
            target = resolve(given, names)
            return target is not None and isinstance(target[0], Object) and target[0].objgen in pages

        owners: dict[ObjGen, int] = {}
        fields = _all_fields(pdf)
        for number, page in enumerate(pdf.pages):
            for annotation in page.obj.get("/Annots") or []:
                if not isinstance(annotation, Dictionary):
                    continue
                if annotation.is_indirect and owners.setdefault(annotation.objgen, number) != number:
                    found.append(f"page {number} has an annotation of page {owners[annotation.objgen]}")
                owner = annotation.get("/P")
                if isinstance(owner, Object) and pages.get(owner.objgen) != number:
                    found.append(f"an annotation of page {number} says that it is on {pages.get(owner.objgen)}")
                if not leads(annotation):
                    found.append(f"a link on page {number} leads nowhere")
        for objgen, name in fields.items():
            obj = pdf.get_object(objgen)
            if "/Kids" not in obj and objgen not in owners:
                found.append(f"field {name} is on no page")
        found += [f"{key} leads nowhere" for key, value in names.items() if not leads({"/Dest": value})]
        found += _bad_chains(pdf, leads)
    return found


def field_names(path: Path, password: str | None, pages: list[int] | None = None) -> set[str]:
    """Full names of the fields with a widget on these pages."""
    with Pdf.open(path, password=password or "") as pdf:
        wanted = range(len(pdf.pages)) if pages is None else pages
        shown = {
            a.objgen
            for n in wanted
            for a in pdf.pages[n].obj.get("/Annots") or []
            if isinstance(a, Dictionary) and a.is_indirect
        }
        return {name for objgen, name in _all_fields(pdf).items() if objgen in shown}


def _all_fields(pdf: Pdf) -> dict[ObjGen, str]:
    found: dict[ObjGen, str] = {}
    todo = [(item, "") for item in _listed(pdf.Root.get("/AcroForm"), "/Fields")]
    while todo:
        item, above = todo.pop()
        if not isinstance(item, Dictionary) or item.objgen in found:
            continue
        own = item.get("/T")
        name = ".".join(filter(None, (above, str(own) if own is not None else "")))
        found[item.objgen] = name
        todo += [(kid, name) for kid in _listed(item, "/Kids")]
    return found


def _bad_chains(pdf: Pdf, leads: Any) -> Iterator[str]:
    """Entries of the outline whose neighbours do not agree with them."""
    root = pdf.Root.get("/Outlines")
    todo = [root] if isinstance(root, Dictionary) else []
    while todo:
        node = todo.pop()
        kids = _kids(node)
        if kids and node.get("/Last") != kids[-1]:
            yield f"the last entry below {_short(node.get('/Title'))} is another"
        for n, kid in enumerate(kids):
            before = kid.get("/Prev")
            if kid.get("/Parent") != node or (before != kids[n - 1] if n else before is not None):
                yield f"entry {_short(kid.get('/Title'))} does not know its neighbours"
            if not leads(kid):
                yield f"entry {_short(kid.get('/Title'))} leads nowhere"
        todo += kids


# --- as a viewer sees it ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class View:
    """What pdfium reads of a document."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    outline: tuple[tuple[int, str, int | None, int], ...]  # level, title, page, count


def _seen(parts: list[Part], picks: list[list[int]], merged: Path, *, pixels: bool, per_source: bool) -> list[str]:
    found: list[str] = []
    views = [view(part.path, part.password) for part in parts]
    now = view(merged, None)
    base = 0
    labelled = any(any(v.labels) for v in views)
    for part, mine, before in zip(parts, picks, views, strict=True):
        wrong = [p for n, p in enumerate(mine) if before.texts[p] != now.texts[base + n]]
        if wrong:
            found.append(f"{part.path.name}: the text of pages {wrong[:5]} changed")
        own = before.labels if any(before.labels) else tuple(str(n + 1) for n in range(len(before.labels)))
        expected = [own[p] if labelled else "" for p in mine]
        got = list(now.labels[base : base + len(mine)])
        if expected != got:
            wrong = [n for n, (a, b) in enumerate(zip(expected, got, strict=True)) if a != b]
            found.append(f"{part.path.name}: label {expected[wrong[0]]!r} became {got[wrong[0]]!r}")
        if pixels:
            places = range(len(mine)) if len(mine) <= 6 else [round(n * (len(mine) - 1) / 5) for n in range(6)]
            wrong = [
                mine[n]
                for n in places
                if rendered(part.path, part.password, mine[n]) != rendered(merged, None, base + n)
            ]
            if wrong:
                found.append(f"{part.path.name}: the pixels of pages {wrong[:5]} changed")
        base += len(mine)
    if all(mine == list(range(len(v.labels))) for mine, v in zip(picks, views, strict=True)):
        found += _outlines(parts, views, now, per_source=per_source and len(parts) > 1)
    return found


def _outlines(parts: list[Part], views: list[View], now: View, *, per_source: bool) -> Iterator[str]:
    expected: list[tuple[int, str, int | None, int]] = []
    base = 0
    for part, before in zip(parts, views, strict=True):
        if per_source:
            visible = sum(1 + max(0, count) for level, _, _, count in before.outline if level == 0)
            expected.append((0, Path(part.name or part.path.name).stem, base, -visible))
        deeper = 1 if per_source else 0
        expected += [
            (level + deeper, title, None if page is None else page + base, count)
            for level, title, page, count in before.outline
        ]
        base += len(before.texts)
    if not any(v.outline for v in views) and not per_source:
        expected = []
    got = list(now.outline)
    if expected != got:
        wrong = next(
            (n for n, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b), min(len(expected), len(got))
        )
        yield f"outline: {expected[wrong : wrong + 1]} became {got[wrong : wrong + 1]} ({len(expected)} → {len(got)})"


@lru_cache(maxsize=80)
def view(path: Path, password: str | None) -> View:
    """A document as pdfium reads it."""
    with pypdfium2.PdfDocument(path, password=password) as document:
        texts = []
        for page in document:
            textpage = page.get_textpage()
            texts.append("".join(str(textpage.get_text_range()).split()))
            textpage.close()
            page.close()
        labels = tuple(document.get_page_label(n) for n in range(len(document)))
        outline = []
        for mark in document.get_toc(max_depth=40):
            target = mark.get_dest()
            outline.append((mark.level, mark.get_title(), target.get_index() if target else None, mark.get_count()))
        return View(tuple(texts), labels, tuple(outline))


@lru_cache(maxsize=400)
def rendered(path: Path, password: str | None, number: int, scale: float = 0.3) -> bytes:
    """A page's pixels, small."""
    with pypdfium2.PdfDocument(path, password=password) as document:
        page = document[number]
        width, height = page.get_size()
        bitmap = page.render(scale=min(scale, 400 / max(width, height, 1)))
        data = bytes(bitmap.buffer) + repr((bitmap.width, bitmap.height)).encode()
        bitmap.close()
        page.close()
        return data


# --- reading ----------------------------------------------------------------------------------------------------------


def destinations(pdf: Pdf) -> dict[tuple[str, bytes], Any]:
    """Named destinations: ("string" or "name", key) → what it stands for."""
    found: dict[tuple[str, bytes], Any] = {}
    tree, old = _path(pdf.Root, "/Names/Dests"), pdf.Root.get("/Dests")
    if isinstance(tree, Dictionary):
        for key, value in _leaves(tree, "/Names"):
            if isinstance(key, String):
                found["string", bytes(key)] = value
    if isinstance(old, Dictionary):
        found |= {("name", key.encode()): value for key, value in old.items()}
    return found


def resolve(given: Any, names: dict[tuple[str, bytes], Any]) -> list[Any] | None:
    """A destination as a list: page, kind of view, its numbers; None where it leads nowhere."""
    for _ in range(3):
        if isinstance(given, String):
            given = names.get(("string", bytes(given)))
        elif isinstance(given, Name):
            given = names.get(("name", str(given).encode()))
        elif isinstance(given, Dictionary):
            given = given.get("/D")
    return list(given) if isinstance(given, Array) and len(given) and given[0] is not None else None


def parent_tree(pdf: Pdf) -> dict[int, Any]:
    """The tree of parents of the tags."""
    tree = _path(pdf.Root, "/StructTreeRoot/ParentTree")
    return {int(k): v for k, v in _leaves(tree, "/Nums") if isinstance(k, int)} if isinstance(tree, Dictionary) else {}


def roles(pdf: Pdf) -> dict[str, str]:
    """What custom roles stand for."""
    given = _path(pdf.Root, "/StructTreeRoot/RoleMap")
    return {k: str(v) for k, v in given.items()} if isinstance(given, Dictionary) else {}


def _role(element: Dictionary, known: dict[str, str]) -> str:
    role = str(element.get("/S"))
    for _ in range(10):
        if role not in known or known[role] == role:
            break
        role = known[role]
    return re.sub(r"_\d+$", "", role)


def _leaves(root: Any, key: str) -> Iterator[tuple[Any, Any]]:
    todo, seen = [root], 0
    while todo and seen < 100_000:
        node = todo.pop()
        seen += 1
        if not isinstance(node, Dictionary):
            continue
        pairs = list(node.get(key) or [])
        yield from zip(pairs[::2], pairs[1::2], strict=False)
        todo += list(node.get("/Kids") or [])


def _path(root: Any, keys: str) -> Any:
    for key in keys.strip("/").split("/"):
        if not isinstance(root, Dictionary):
            return None
        root = root.get("/" + key)
    return root


def _listed(root: Any, keys: str) -> list[Any]:
    value = _path(root, keys)
    return [] if value is None else list(value) if isinstance(value, Array) else [value]


def _kids(node: Any) -> list[Dictionary]:
    found: list[Dictionary] = []
    item = node.get("/First") if isinstance(node, Dictionary) else None
    while isinstance(item, Dictionary) and item.objgen not in {i.objgen for i in found[-50:]} and len(found) < 5000:
        found.append(item)
        item = item.get("/Next")
    return found


def _visible(root: Any) -> dict[ObjGen, bool]:
    """Whether each layer shows when the document is opened."""
    default = _path(root, "/OCProperties/D")
    base = not (isinstance(default, Dictionary) and default.get("/BaseState") == "/OFF")
    shown = {g.objgen: base for g in _listed(root, "/OCProperties/OCGs") if isinstance(g, Object)}
    for key, state in (("/ON", True), ("/OFF", False)):
        shown |= {g.objgen: state for g in _listed(default, key) if isinstance(g, Object)}
    return shown


def _attached(pdf: Pdf) -> set[tuple[str, bytes]]:
    """Names and contents of the attached files."""
    found = set()
    for _, spec in _leaves(_path(pdf.Root, "/Names/EmbeddedFiles"), "/Names"):
        data = _path(spec, "/EF/F")
        name = str(spec.get("/UF", spec.get("/F", ""))) if isinstance(spec, Dictionary) else ""
        found.add((name, data.read_bytes() if isinstance(data, Stream) else b""))
    return found


def _information(pdf: Pdf) -> dict[str, str]:
    given = pdf.trailer.get("/Info")
    if not isinstance(given, Dictionary):
        return {}
    return {str(key): str(value) for key, value in given.items() if isinstance(value, String)}


def _form(pdf: Pdf) -> Any:
    return pdf.Root.get("/AcroForm", Dictionary())


def _above(node: Any, key: str, form: Any) -> Any:
    """An entry of a field, or of one above it, or of the form."""
    for _ in range(32):
        if not isinstance(node, Dictionary):
            break
        if key in node:
            return node[key]
        node = node.get("/Parent")
    return form.get(key) if isinstance(form, Dictionary) else None


def _font(form: Any, name: str) -> Any:
    fonts = _path(form, "/DR/Font")
    return fonts.get(name) if isinstance(fonts, Dictionary) else None


def _taken_for_granted(page: Dictionary, key: str) -> Any:
    """What a reader takes a page's box, or how it is turned, to be."""
    found = _inherited(page, key)
    if found is None and key in _OTHERWISE:
        return _taken_for_granted(page, _OTHERWISE[key])
    return 0 if found is None and key == "/Rotate" else found


def _inherited(page: Any, key: str) -> Any:
    for _ in range(50):
        if not isinstance(page, Dictionary):
            return None
        if key in page:
            return page[key]
        page = page.get("/Parent")
    return None


def _is_place(a: Any, b: Any) -> bool:
    """Whether these are numbers, and of the same place to whoever clicks there or is led there."""
    if isinstance(a, Object | bool) or isinstance(b, Object | bool) or a is None or b is None:
        return False
    return abs(float(a) - float(b)) <= _PLACE_POINTS


def _is_page(obj: Dictionary) -> bool:
    return obj.get("/Type") == "/Page" and ("/Parent" in obj or "/Contents" in obj)


def _is_container(obj: Any) -> bool:
    """What no copy has: nodes of the page tree, and what writers leave behind."""
    if isinstance(obj, Stream):
        return str(obj.get("/Type")) in ("/ObjStm", "/XRef")
    return isinstance(obj, Dictionary) and obj.get("/Type") in ("/Pages", "/Catalog", "/StructTreeRoot")


def _is_plain_link(obj: Object) -> bool:
    """A link that only its page knows: it may stand in the page itself, which nobody shares it with."""
    return obj.get("/Subtype") == "/Link" and "/StructParent" not in obj


def _has_identity(obj: Any) -> bool:
    """Annotations, fields, entries of the outline, elements and layers: two that look alike are still two."""
    if not isinstance(obj, Dictionary):
        return False
    return (
        obj.get("/Type") in ("/OCG", "/StructElem", "/Annot")
        or ("/Subtype" in obj and "/Rect" in obj)
        or "/FT" in obj
        or ("/T" in obj and "/Kids" in obj)
        or ("/Title" in obj and "/Parent" in obj)
        or ("/S" in obj and "/P" in obj)
    )


def _references(body: bytes) -> list[ObjGen]:
    return [(int(m[1]), int(m[2])) for m in _REFERENCE.finditer(body) if m[1]]


def _blank(match: re.Match[bytes]) -> bytes:
    return b"R" if match[1] else match[0]


def _is_readable(key: Any) -> bool:
    """Whether a name is UTF-8; others cannot be asked for."""
    return isinstance(key, str) and not any("\ud800" <= letter <= "\udfff" for letter in key)


def _script(value: Any) -> str:
    return value.read_bytes().decode("latin-1") if isinstance(value, Stream) else str(value)


def _short(value: Any) -> str:
    text = value.unparse(resolved=True).decode("latin-1") if isinstance(value, Object) else repr(value)
    return text if len(text) < 120 else text[:117] + "…"
