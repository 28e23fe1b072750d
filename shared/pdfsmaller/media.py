"""Media types (RFC 2046) of what is stored and sent, and the header that names a download."""

from __future__ import annotations

import re
from urllib.parse import quote

PDF = "application/pdf"
JSON = "application/json"
WEBP = "image/webp"
ZIP = "application/zip"
ANY = "application/octet-stream"


def content_disposition(file_name: str) -> str:
    """``attachment`` with a name in the form of RFC 6266: plain ASCII, and UTF-8 for who can read it."""
    plain = re.sub(r'[^\x20-\x7e]|["%\\/;]', "_", file_name)  # some read %-codes in the plain name, too
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='', errors='replace')}"
