"""What the parts are called: names that every file system takes, that sort in order, and that are all different."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

#: No name is longer, in bytes of UTF-8: file systems take 255, ZIPs and mail programs add to it.
MAX_BYTES = 100
_SUFFIX = ".pdf"
_DEFAULT = "document"
#: What Windows does not take in a name; a slash separates folders everywhere.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]+')
#: Windows' devices, whatever comes behind a dot.
_DEVICES = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³]|CONIN\$|CONOUT\$) *(?:\.|$)", re.IGNORECASE)


def numbered(source: str, count: int) -> list[str]:
    """``report-01.pdf``, ``report-02.pdf`` … for a document of that name, with as many digits as the last needs."""
    width = len(str(count))
    return [numbered_name(source, number, width) for number in range(1, count + 1)]


def numbered_name(source: str, number: int, width: int) -> str:
    """One of them."""
    end = f"-{number:0{width}}"
    return _cut(_stem(source), MAX_BYTES - len(end) - len(_SUFFIX)) + end + _SUFFIX


def titled(source: str, titles: list[str]) -> list[str]:
    """``01-Introduction.pdf`` … for parts with titles; one without a title is called as the document is."""
    width = len(str(len(titles)))
    names = []
    for number, title in enumerate(titles, 1):
        start = f"{number:0{width}}-"
        text = _clean(title) or _stem(source)
        names.append(start + _cut(text, MAX_BYTES - len(start) - len(_SUFFIX)) + _SUFFIX)
    return names


def _stem(source: str) -> str:
    """A document's name without folders and ``.pdf``, fit to begin a name."""
    name = PureWindowsPath(PurePosixPath(source).name).name
    stem = _clean(name[: -len(_SUFFIX)] if name.lower().endswith(_SUFFIX) else name).lstrip(".-~ ")
    return f"_{stem}" if _DEVICES.match(stem) else stem or _DEFAULT


def _clean(text: str) -> str:
    """Text without what a file system, a shell or a reader's eye would take for something else."""
    text = unicodedata.normalize("NFC", text)
    # Controls, marks of direction and other invisible characters, halves of pairs, private and unknown ones.
    text = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    text = _FORBIDDEN.sub("_", text)
    return " ".join(text.split()).strip(". ")


def _cut(text: str, most: int) -> str:
    """The beginning of a text, of at most so many bytes; no character loses its accents."""
    if len(text.encode()) <= most:
        return text
    text = text.encode()[:most].decode(errors="ignore")
    cut = (
        text.rstrip("".join({c for c in text if unicodedata.combining(c)})) if unicodedata.combining(text[-1]) else text
    )
    return cut.rstrip(". ")
