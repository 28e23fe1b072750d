"""What is it? The first look at a file, before any library opens it."""

from __future__ import annotations

from pdfsmaller.errors import EmptyFile, FileTooLarge, NotAnImage, NotAPdf

#: Readers accept the header anywhere within this many bytes (Adobe's implementation note 13 to PDF 1.7, Annex H).
HEAD_BYTES = 1_024

#: The image formats that can be read, as people call them.
IMAGE_KINDS = ("JPEG", "PNG", "TIFF", "WebP", "GIF", "BMP", "JPEG 2000", "HEIC", "AVIF")

_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),  # a bare codestream
)
# Two letters are too little to go by: the size of the second header is one of those that exist.
_BMP_HEADERS = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))


def check_pdf(name: str, size: int, head: bytes, max_bytes: int) -> None:
    """Refuse what cannot be a PDF of an allowed size.

    Args:
        name: what to call the file in the message.
        size: its length in bytes.
        head: its first ``HEAD_BYTES`` bytes.
        max_bytes: the largest size allowed (MAX_FILE_SIZE).

    Raises:
        EmptyFile, FileTooLarge, NotAPdf: naming the file.
    """
    if size == 0:
        raise EmptyFile(f"{name} is empty (0 bytes). Send a PDF.")
    check_size(name, size, max_bytes)
    if not _is_pdf(head):
        if kind := kind_of_image(head):
            raise NotAPdf(f"{name} is not a PDF; it is {_article(kind)} {kind} image. Use image-to-pdf.")
        raise NotAPdf(f"{name} is not a PDF: there is no %PDF- in its first {HEAD_BYTES:,} bytes.")


def check_image(name: str, size: int, head: bytes, max_bytes: int) -> None:
    """Refuse what cannot be an image of a known format and an allowed size. Arguments as for ``check_pdf``.

    Raises:
        EmptyFile, FileTooLarge, NotAnImage: naming the file.
    """
    if size == 0:
        raise EmptyFile(f"{name} is empty (0 bytes). Send an image.")
    check_size(name, size, max_bytes, "Send a smaller image.")
    if kind_of_image(head) is None:
        if _is_pdf(head):
            raise NotAnImage(f"{name} is a PDF, not an image. Use merge to join PDFs.")
        raise NotAnImage(f"{name} is not an image of a known format ({', '.join(IMAGE_KINDS)}).")


def kind_of_image(head: bytes) -> str | None:
    """One of ``IMAGE_KINDS`` by the file's first bytes, or None."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head[4:8] == b"ftyp":
        return _kind_of_brands(head)
    return None


def _kind_of_brands(head: bytes) -> str | None:
    """By the brands of an ISO base media file: the major one first, then those it is compatible with."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
    if any(brand in _AVIF_BRANDS for brand in brands):
        return "AVIF"
    return "HEIC" if any(brand in _HEIC_BRANDS for brand in brands) else None


def check_size(name: str, size: int, max_bytes: int, advice: str = "Split the document.") -> None:
    """Refuse a file over MAX_FILE_SIZE.

    Raises:
        FileTooLarge: naming the file, its size and the limit.
    """
    if size > max_bytes:
        raise FileTooLarge(f"{name} has {size:,} bytes; MAX_FILE_SIZE allows {max_bytes:,}. {advice}")


def _is_pdf(head: bytes) -> bool:
    return b"%PDF-" in head[:HEAD_BYTES]


def _article(kind: str) -> str:
    return "an" if kind[0] in "AH" and kind != "HEIC" else "a"
