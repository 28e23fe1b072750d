"""Passwords at rest: encrypted with the deployment's SECRET_KEY while a job needs them.

Fernet (AES-128-CBC with HMAC-SHA256), keyed by SHA-256 of SECRET_KEY; https://cryptography.io/en/latest/fernet/.
"""

from __future__ import annotations

import base64
import hashlib

from pdfsmaller.errors import PasswordLost, PdfSmallerError


class SecretKeyMissing(PdfSmallerError):
    """A password came, but the service has no SECRET_KEY to keep it with."""

    code = "secret_key_missing"
    title = "Passwords are not set up"


def _fernet(secret_key: str):  # type: ignore[no-untyped-def]
    from cryptography.fernet import Fernet

    if not secret_key:
        raise SecretKeyMissing("This service takes no passwords: its SECRET_KEY is not set.")
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret_key.encode()).digest()))


def seal(password: str, secret_key: str) -> str:
    """``password`` as text that only ``secret_key`` opens.

    Raises:
        SecretKeyMissing: ``secret_key`` is empty.
    """
    token: bytes = _fernet(secret_key).encrypt(password.encode())
    return token.decode()


def unseal(token: str, secret_key: str) -> str:
    """The password that ``seal`` was given.

    Raises:
        PasswordLost: it was sealed with another key.
    """
    from cryptography.fernet import InvalidToken

    try:
        password: bytes = _fernet(secret_key).decrypt(token.encode())
    except (InvalidToken, SecretKeyMissing):
        raise PasswordLost(
            "The service's SECRET_KEY has changed since the password came, so it cannot be read any more. Send the "
            "document and its password again."
        ) from None
    return password.decode()
