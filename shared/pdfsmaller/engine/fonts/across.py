"""Subsets of one font in several documents that are to become one: the same union in each, so that it is stored once.

One document is open at a time. What is kept of each is its programs that another document may have, too, and what they
show; then each is opened once more, and gets the unions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from pikepdf import Array, Dictionary, Name, Object, Pdf

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.damage import raised_as, tolerate
from pdfsmaller.engine.document import pdfa_part
from pdfsmaller.engine.fonts.embedded import find_embedded
from pdfsmaller.engine.fonts.encodings import differences
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.fonts.plan import adoptions, candidates, families
from pdfsmaller.engine.fonts.rebuild import FontShown, NewProgram
from pdfsmaller.engine.fonts.shrink import apply_change
from pdfsmaller.engine.fonts.unite import Candidate, Identity, Key, unite
from pdfsmaller.limits import Limits

#: Programs of so many bytes are held at once; fonts that come after these stay as they are.
MOST_BYTES = 64_000_000

Open = Callable[[], AbstractContextManager[Pdf]]


def unions_across(documents: Sequence[Open], limits: Limits, deadline: Deadline) -> dict[Key, NewProgram]:
    """The programs that may stand for those of several documents, by the number of the document and the program."""
    holders: defaultdict[str, dict[Identity, set[int]]] = defaultdict(dict)
    for number, document in enumerate(documents):
        if deadline.passed():
            return {}
        with tolerate("font"), document() as pdf:
            for name, programs in families(find_embedded(pdf)).items():
                for program in programs:
                    holders[name].setdefault(program, set()).add(number)
    wanted: defaultdict[int, set[str]] = defaultdict(set)
    for name, programs_of in holders.items():
        numbers = set().union(*programs_of.values())
        if name and len(programs_of) > 1 and len(numbers) > 1:
            for number in numbers:
                wanted[number].add(name)
    found: list[Candidate] = []
    for number, names in wanted.items():
        if deadline.passed() or sum(len(one.new.data) for one in found) > MOST_BYTES:
            break
        with tolerate("font"), documents[number]() as pdf:
            found += _detached(number, candidates(pdf, names, limits, deadline, pdfa_part(pdf)))
    return unite(found, deadline)


def adopt(pdf: Pdf, document: int, unions: Mapping[Key, NewProgram]) -> bool:
    """Put the unions in the place of a document's programs: whether there were any.

    Args:
        document: its number among those that the unions were made for.
    """
    fonts = find_embedded(pdf)
    changes = adoptions(fonts, unions, document, pdfa_part(pdf))
    for objgen, change in changes.items():
        apply_change(pdf, fonts, fonts.programs[objgen], change)
    return bool(changes)


def _detached(document: int, found: Collection[Candidate]) -> list[Candidate]:
    """The candidates without anything of the document that they are from."""
    kept = []
    for one in found:
        try:
            with raised_as(FontError("damaged")):
                shown = [replace(font, font=_encoding_alone(font)) for font in one.shown]
        except FontError:
            continue
        kept.append(replace(one, shown=shown, document=document))
    return kept


def _encoding_alone(font: FontShown) -> Dictionary:
    """A font dictionary of nothing but its encoding, which is all that uniting looks at."""
    encoding = font.font.get("/Encoding")
    if isinstance(encoding, Dictionary):
        base = encoding.get("/BaseEncoding")
        items: list[Object | int] = []
        for code, name in differences(encoding).items():
            items += (code, Name("/" + name))
        encoding = Dictionary(Differences=Array(items))
        if isinstance(base, Name):
            encoding.BaseEncoding = Name(str(base))
    elif isinstance(encoding, Name):
        encoding = Name(str(encoding))
    elif encoding is not None:
        raise FontError("encoding")
    return Dictionary() if encoding is None else Dictionary(Encoding=encoding)
