"""Links that need no API key: for what a browser follows by itself, which sends no header.

A link's token is for one job and one purpose, and for ten minutes. It says whose job it is, signed, so that whoever
comes with it is let in as the job's owner and to nothing else. It outlives its key: revoke one, and links that were
handed out before work until they expire.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from itsdangerous import BadData, URLSafeSerializer

from pdfsmaller.errors import AccessDenied

#: How long a link can be used.
LINK_SECONDS = 600
_SIGNER = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
_REMEDY = "Ask for the job again: its links are new then."


class LinkTokens:
    """Makes tokens, and reads them when they come back.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, secret_key: str, clock: Callable[[], float] = time.time) -> None:
        self._signer = URLSafeSerializer(secret_key, salt="pdfsmaller.job", signer_kwargs=_SIGNER)
        self._clock = clock

    def make(self, job_id: str, purpose: str, owner: str | None) -> str:
        """A token for a job's link.

        Args:
            purpose: what the link is for: its path below the job's.
            owner: whose job it is.
        """
        return str(self._signer.dumps([int(self._clock()) + LINK_SECONDS, job_id, purpose, owner]))

    def owner(self, token: str, job_id: str, purpose: str) -> str | None:
        """Whose job it is that a token came for.

        Raises:
            AccessDenied: its time is over, it is for something else, or it is not as it was handed out.
        """
        try:
            until, its_job, its_purpose, owner = self._signer.loads(token)
        except (BadData, ValueError, TypeError):
            raise AccessDenied(f"The link is not as it was handed out. {_REMEDY}") from None
        if (its_job, its_purpose) != (job_id, purpose):
            raise AccessDenied(f"The link's token is for something else. {_REMEDY}")
        if self._clock() >= until:
            raise AccessDenied(f"The link could be used for {LINK_SECONDS // 60} minutes. {_REMEDY}")
        return str(owner) if owner is not None else None
