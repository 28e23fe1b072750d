"""Forms and links that prove themselves: what they allow, and until when, is in them, signed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from itsdangerous import BadData, URLSafeSerializer

from pdfsmaller.errors import AccessDenied
from pdfsmaller.jobs.objects import FormGrant, LinkGrant, PartGrant

_SIGNER = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
_NEW_FORM = "Begin a new upload (POST /api/uploads) and send its form as it is."
_NEW_PART = "Ask for fresh ones (GET /api/jobs/{id}/uploads/{n}); parts that came stay."
_NEW_LINK = "Ask for the download again."


class Signatures:
    """Signs what is handed out, and reads it when it comes back.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, secret_key: str, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._forms = URLSafeSerializer(secret_key, salt="pdfsmaller.form", signer_kwargs=_SIGNER)
        self._parts = URLSafeSerializer(secret_key, salt="pdfsmaller.part", signer_kwargs=_SIGNER)
        self._links = URLSafeSerializer(secret_key, salt="pdfsmaller.link", signer_kwargs=_SIGNER)

    def form(self, grant: FormGrant, expires_seconds: float) -> dict[str, str]:
        """The fields of a form that allows this."""
        signed = self._forms.dumps([self._clock() + expires_seconds, grant.key, grant.max_bytes, grant.media_type])
        return _shown(grant) | {"policy": str(signed)}

    def in_form(self, fields: Mapping[str, str]) -> FormGrant:
        """What a form allows. Raises AccessDenied where its time is over or a field is not as it was handed out."""
        try:
            until, key, max_bytes, media_type = self._forms.loads(fields.get("policy", ""))
        except BadData:
            raise AccessDenied(f"The form's field 'policy' is not as it was handed out. {_NEW_FORM}") from None
        grant = FormGrant(key, max_bytes, media_type)
        for name, value in _shown(grant).items():
            if fields.get(name) != value:
                raise AccessDenied(f"The form's field {name!r} is not as it was handed out. {_NEW_FORM}")
        self._check_time(until, "form", _NEW_FORM)
        return grant

    def link(self, grant: LinkGrant, expires_seconds: float) -> str:
        """The token of a link that allows this."""
        signed = self._links.dumps([self._clock() + expires_seconds, grant.key, grant.file_name, grant.media_type])
        return str(signed)

    def in_link(self, token: str) -> LinkGrant:
        """What a link allows. Raises AccessDenied where its time is over or it is not as it was handed out."""
        try:
            until, key, file_name, media_type = self._links.loads(token)
        except BadData:
            raise AccessDenied(f"The link is not as it was handed out. {_NEW_LINK}") from None
        self._check_time(until, "link", _NEW_LINK)
        return LinkGrant(key, file_name, media_type)

    def part(self, grant: PartGrant, expires_seconds: float) -> str:
        """The token of a link that allows this."""
        until = self._clock() + expires_seconds
        signed = self._parts.dumps([until, grant.key, grant.upload_id, grant.number, grant.bytes])
        return str(signed)

    def in_part(self, token: str) -> PartGrant:
        """What a part's link allows. Raises AccessDenied where its time is over or it is not as it was handed out."""
        try:
            until, key, upload_id, number, size = self._parts.loads(token)
        except BadData:
            raise AccessDenied(f"The part's link is not as it was handed out. {_NEW_PART}") from None
        self._check_time(until, "part's link", _NEW_PART)
        return PartGrant(key, upload_id, number, size)

    def _check_time(self, until: float, what: str, remedy: str) -> None:
        if self._clock() >= until:
            over = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            raise AccessDenied(f"The {what} could be used until {over}. {remedy}")


def _shown(grant: FormGrant) -> dict[str, str]:
    """What a form says openly, in the fields that every store's form has."""
    return {"key": grant.key, "Content-Type": grant.media_type}
