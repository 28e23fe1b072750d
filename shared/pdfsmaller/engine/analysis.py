"""What is known of a document before anything in it is changed: one walk, of which each part takes what it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pikepdf import Pdf

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.content.scales import find_scales
from pdfsmaller.engine.fonts.usage import Usage, find_usage
from pdfsmaller.engine.images.find import Found, find_images
from pdfsmaller.engine.images.inline import LEAST_BYTES, externalize_inline_images
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.walk.graph import walk
from pdfsmaller.engine.walk.streams import ContentStream, content_streams
from pdfsmaller.limits import Limits
from pdfsmaller.records import record


@record(frozen=True)
class Analysis:
    """What holds of a document and of every copy of it in which the same inline images were made objects.

    Attributes:
        found: its images.
        inline: the streams whose inline images were made objects.
        usage: what it shows of its fonts.
        streams: its content streams.
        scales: the largest at which each of them is shown.
    """

    found: Found
    inline: Sequence[ContentStream]
    usage: Usage
    streams: Sequence[ContentStream]
    scales: Mapping[ObjGen, float]


def analyse(pdf: Pdf, limits: Limits, deadline: Deadline) -> Analysis:
    """Walk a document, its large inline images having been made objects.

    Raises:
        LimitExceeded: a content stream is over ``max_stream_bytes``.
    """
    document = walk(pdf, limits, deadline)
    streams = content_streams(document)
    inline = [stream for stream in streams if stream.inline_bytes >= LEAST_BYTES]
    if inline:
        externalize_inline_images(pdf, inline, limits)
        document = walk(pdf, limits, deadline, known=document)
        streams = content_streams(document)
    return Analysis(find_images(document), inline, find_usage(pdf, document, limits), streams, find_scales(document))
