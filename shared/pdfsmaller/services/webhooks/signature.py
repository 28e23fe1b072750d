"""How a callback is signed (https://www.standardwebhooks.com): an HMAC over its id, its time and its body.

Without API keys every caller's callbacks are signed with one secret. With them each key has its own, derived from that
of the service, so that nobody can sign for another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pdfsmaller.settings import Settings

_PREFIX = "whsec_"


def has_root(settings: Settings) -> bool:
    """Whether there is anything that secrets can be made of; without it there are no callbacks."""
    return bool(settings.webhook_secret or settings.secret_key)


def secret(settings: Settings, owner: str | None) -> bytes:
    """The secret of an API key's callbacks, or of those without one.

    WEBHOOK_SECRET itself signs what has no key; where it is not set, one that is derived from SECRET_KEY.
    """
    if owner is None and settings.webhook_secret:
        return read(settings.webhook_secret)
    root = read(settings.webhook_secret) if settings.webhook_secret else settings.secret_key.encode()
    return hmac.digest(root, f"callbacks of {owner or ''}".encode(), hashlib.sha256)


def read(text: str) -> bytes:
    """The bytes of a secret that is written as settings demand: base64 after ``whsec_``."""
    return base64.b64decode(text.removeprefix(_PREFIX))


def written(secret: bytes) -> str:
    """A secret as its receiver is told it."""
    return _PREFIX + base64.b64encode(secret).decode()


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` of a request; ``timestamp`` is in seconds since the epoch."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
