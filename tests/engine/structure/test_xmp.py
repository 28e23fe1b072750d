"""XMP packets lose what says nothing, and every property keeps its value."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import Name, Pdf

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.structure.tidy import StructureCache, tidy
from pdfsmaller.engine.structure.xmp import trimmed
from pdfsmaller.limits import Limits

PACKET = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 5.2-c001 63.139439">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:pdf='http://ns.adobe.com/pdf/1.3/'
    xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
    pdf:Producer="it's  x='1'   y">
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default"> two  words </rdf:li></rdf:Alt></dc:title>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
%s
<?xpacket end="w"?>""" % (b" " * 2000)


def test_a_packet_loses_what_says_nothing() -> None:
    plain, wrapped = (trimmed(PACKET, wrapped=wrapped) for wrapped in (False, True))
    assert plain == (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        b" xmlns:pdf='http://ns.adobe.com/pdf/1.3/'"
        b' pdf:Producer="it\'s  x=\'1\'   y"><dc:title><rdf:Alt><rdf:li xml:lang="x-default"> two  words </rdf:li>'
        b"</rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    assert wrapped.startswith(PACKET.splitlines()[0] + b"<x:xmpmeta ")
    assert wrapped.endswith(b'</x:xmpmeta><?xpacket end="w"?>')
    assert plain in wrapped
    assert ET.tostring(ET.fromstring(plain)) == ET.tostring(ET.fromstring(wrapped.decode().lstrip("\ufeff")))


def test_a_packet_loses_its_indentation_and_keeps_its_values() -> None:
    packet = b"<x:xmpmeta>\n  <a b='1 '>\n\t<c> x </c>\r\n\t<d>  </d>\n <e/> <f/>\n </a>\n</x:xmpmeta>"
    wanted = b"<x:xmpmeta><a b='1 '><c> x </c><d>  </d><e/><f/></a></x:xmpmeta>"
    assert trimmed(packet, wrapped=True) == wanted


@pytest.mark.parametrize("literal", [b"<!-- > < -->", b"<c xml:space='preserve'/>", b"<c rdf:parseType='Literal'/>"])
def test_blanks_stay_that_may_mean_themselves(literal: bytes) -> None:
    packet = b"<x:xmpmeta>\n <a>1</a>\n <b>2</b>\n %s\n</x:xmpmeta>" % literal
    assert trimmed(packet, wrapped=False) == packet


def test_utf_16_stays() -> None:
    packet = "<x:xmpmeta>\n  <a>1</a>\n</x:xmpmeta>".encode("utf-16")
    assert trimmed(packet, wrapped=False) == packet


def test_thumbnails_go() -> None:
    packet = b"<x:xmpmeta><a>1</a>%s<b>2</b></x:xmpmeta>"
    thumbnail = b"<xmp:Thumbnails><rdf:Alt><xmpGImg:image>%s</xmpGImg:image></rdf:Alt></xmp:Thumbnails>" % (b"A" * 900)
    assert trimmed(packet % thumbnail, wrapped=False) == packet % b""


@given(st.text(alphabet="<>/=\"' \nab:x?!", max_size=200))
def test_what_is_no_xml_is_no_error_and_does_not_grow(noise: str) -> None:
    packet = b"<x:xmpmeta>" + noise.encode()
    assert len(trimmed(packet, wrapped=False)) <= len(packet)


@pytest.mark.parametrize("pdfa", [True, False])
def test_the_wrapper_stays_where_metadata_are_plain(pdfa: bool) -> None:
    with Pdf.new() as pdf:
        pdf.add_blank_page()
        pdf.Root.Metadata = pdf.make_stream(PACKET, Type=Name.Metadata, Subtype=Name.XML)
        tidy(pdf, StructureCache(), Limits(), Deadline(60), pdfa=pdfa)
        assert (b"<?xpacket" in pdf.Root.Metadata.read_bytes()) is pdfa
        with pdf.open_metadata() as metadata:
            assert metadata["dc:title"] == " two  words "
            assert metadata["pdf:Producer"] == "it's  x='1'   y"
