"""What a result keeps of the encryption of the documents in it."""

from __future__ import annotations

import secrets
from dataclasses import replace

from pikepdf import Encryption, Pdf, Permissions

from pdfsmaller.records import record


@record(frozen=True)
class Protection:
    """How a result is encrypted: with AES-256, and no more permissions than any encrypted document in it gave.

    Attributes:
        name: the first encrypted document.
        password: what opens it, and the result; None: no password is needed.
        allow: what readers may do.
    """

    name: str
    password: str | None
    allow: Permissions

    def encryption(self) -> Encryption:
        """For ``Pdf.save``. Nobody knows the owner's password, so nobody gets more permissions than there were."""
        return Encryption(owner=secrets.token_urlsafe(32), user=self.password or "", R=6, allow=self.allow)


def joined(protection: Protection | None, pdf: Pdf, password: str | None, name: str) -> Protection:
    """The protection once another encrypted document joins: that of the first, with what both permit."""
    if protection is None:
        return Protection(name, password, pdf.allow)
    both = {right: getattr(protection.allow, right) and getattr(pdf.allow, right) for right in Permissions._fields}
    return replace(protection, password=protection.password or password, allow=Permissions(**both))
