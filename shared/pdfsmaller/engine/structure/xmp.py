"""XMP packets without what says nothing: padding, layout, thumbnails, and the names of what wrote them (ISO 16684-1).

Every property keeps its value. What surrounds a packet serves programs that look for XMP in files that they cannot
read; only plain packets, as PDF/A wants them, can be found so.
"""

from __future__ import annotations

import re

# XMP packets end in some 2 KB of blanks, for programs that edit them in place.
_END = b"<?xpacket end"
_WRAPPER = re.compile(rb"\A\s*<\?xpacket begin[^<>]*\?>\s*|<\?xpacket end[^<>]*\?>\s*\Z")
# Pictures of the document, in base 64.
_THUMBNAILS = (b"xmp:Thumbnails>", b"xap:Thumbnails>")
# Blanks that lay elements out: before one that opens, and between two that close. (Between one that opens and its end
# they are its value.)
_INDENT = re.compile(rb"(>)\s+(?=<[^/])|(</[^<>]*>|/>)\s+(?=</)")
# A tag with attributes, and one of these.
_TAG = re.compile(rb"""<([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))+)\s*(/?)>""")
_ATTRIBUTE = re.compile(rb"""\s+([\w:.-]+)\s*=\s*("[^"<]*"|'[^'<]*')""")
_TOOLKIT = b"x:xmptk"
_DECLARATION = b"xmlns:"
_ROOTS = (b"x:xmpmeta", b"rdf:RDF")
# In these, blanks may mean themselves, and names that look unused may be used.
_LITERAL = (b"<!", b"xml:space", b"Literal")


def trimmed(xmp: bytes, *, wrapped: bool) -> bytes:
    """A packet with the same properties.

    Args:
        wrapped: keep what surrounds it.
    """
    end = xmp.rfind(_END)
    if end > 0 and (packet := xmp[:end].rstrip()):
        xmp = packet + xmp[end:]
    for name in _THUMBNAILS:
        start = xmp.find(b"<" + name)
        end = xmp.find(b"</" + name, start)
        if 0 <= start < end:
            xmp = xmp[:start] + xmp[end + len(name) + 2 :]
    if any(mark in xmp for mark in _LITERAL) or not any(root in xmp for root in _ROOTS):
        return xmp
    if not wrapped:
        xmp = _WRAPPER.sub(b"", xmp)
    xmp = _INDENT.sub(lambda found: found[1] or found[2], xmp)
    used = {found[:-1] for found in re.findall(rb"[\w.-]+:", xmp)}

    def attribute(found: re.Match[bytes]) -> bytes:
        name = found[1]
        if name == _TOOLKIT or (name.startswith(_DECLARATION) and name.removeprefix(_DECLARATION) not in used):
            return b""
        return b" " + name + b"=" + found[2]

    return _TAG.sub(lambda tag: b"<" + tag[1] + _ATTRIBUTE.sub(attribute, tag[2]) + tag[3] + b">", xmp)
