"""Is it a PDF? The first look at a file, before any library opens it."""

from __future__ import annotations

from pdfsmaller.errors import EmptyFile, FileTooLarge, NotAPdf

#: Readers accept the header anywhere within this many bytes (Adobe's implementation note 13 to PDF 1.7, Annex H).
HEAD_BYTES = 1_024


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
    if b"%PDF-" not in head[:HEAD_BYTES]:
        raise NotAPdf(f"{name} is not a PDF: there is no %PDF- in its first {HEAD_BYTES:,} bytes.")


def check_size(name: str, size: int, max_bytes: int) -> None:
    """Refuse a file over MAX_FILE_SIZE.

    Raises:
        FileTooLarge: naming the file, its size and the limit.
    """
    if size > max_bytes:
        raise FileTooLarge(f"{name} has {size:,} bytes; MAX_FILE_SIZE allows {max_bytes:,}. Split the document.")
