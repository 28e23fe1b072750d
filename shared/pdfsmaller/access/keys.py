"""API keys: made here, shown once, kept as hashes.

A key is ``pdfs_<id>_<secret>``: the id says where to look and is no secret; the secret has 32 random bytes. Of that the
store keeps a SHA-256, and needs nothing slower: a slow, salted hash makes guessing passwords dear, which people choose
among few; 2^256 secrets cannot be tried, however quick one trial is. Who reads the store learns no key.

A key that was looked up is remembered for ``CACHED_SECONDS`` in the process, one that does not exist too: that is how
long a revoked one may go on. When a key was last used is noted to ten minutes, so that requests do not cost a write.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from pdfsmaller.access.ports import KeyStore
from pdfsmaller.access.rates import parse_rates
from pdfsmaller.errors import InvalidOption, KeyNotFound, StoreUnavailable

CACHED_SECONDS = 5.0
#: What every key begins with: whoever looks for lost secrets knows it by that.
PREFIX = "pdfs_"
_CACHED_MOST = 1_000
_USED_SECONDS = 600.0
_ID_BYTES, _SECRET_BYTES = 8, 32
_NAME_MAX_CHARS = 100
_KEY = re.compile(r"pdfs_([0-9a-f]{16})_([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept.

    Attributes:
        name: what its maker calls it.
        digest: the SHA-256 of its secret, in hexadecimal.
        last_used_at: to ten minutes; None before its first use.
        rate_limit: its own limits in place of RATE_LIMIT_DEFAULT; empty: none of its own.
    """

    key_id: str
    name: str
    digest: str = field(repr=False)
    created_at: float
    last_used_at: float | None = None
    revoked_at: float | None = None
    rate_limit: str = ""


class Keys:
    """Makes keys, knows them again, ends them. It may be used from any thread.

    Args:
        clock: seconds since the epoch.
        passing: seconds of any beginning that only go forward.
    """

    def __init__(
        self,
        store: KeyStore,
        clock: Callable[[], float] = time.time,
        passing: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._clock, self._passing = store, clock, passing
        self._lock = threading.Lock()
        self._found: dict[str, tuple[float, ApiKey | None]] = {}

    def create(self, name: str, rate_limit: str = "") -> tuple[ApiKey, str]:
        """A new key, as it is kept and as its user needs it. It cannot be shown again.

        Raises:
            InvalidOption: the name or the limits make no sense.
        """
        if not (1 <= len(name) <= _NAME_MAX_CHARS and name.isprintable() and name.strip() == name):
            raise InvalidOption("name", name, [f"1 to {_NAME_MAX_CHARS} visible characters"])
        try:
            parse_rates(rate_limit)
        except ValueError as exc:
            raise InvalidOption("rate_limit", rate_limit, ["100 per hour", "200 per day;50 per hour"]) from exc
        while True:
            key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES)
            key = ApiKey(key_id, name, _digest(secret), self._clock(), rate_limit=rate_limit)
            if self._store.add(key):
                return key, f"{PREFIX}{key_id}_{secret}"

    def all(self) -> list[ApiKey]:
        """Every key, revoked ones too, the oldest first."""
        return self._store.all()

    def revoke(self, key_id: str) -> ApiKey:
        """End a key for good: within ``CACHED_SECONDS`` nobody is let in with it. Doing it again changes nothing.

        Raises:
            KeyNotFound.
        """
        self._store.revoke(key_id, self._clock())
        key = self._store.get(key_id)
        if key is None:
            raise KeyNotFound(f"There is no API key {key_id[:64]!r}. `pdfsmaller keys list` shows those there are.")
        return key

    def known(self, given: str) -> ApiKey | None:
        """The key that this text is, if it is one in use."""
        match = _KEY.fullmatch(given)
        if match is None:  # nobody need look for it
            return None
        key = self._find(match[1])
        # Compared in constant time, and where there is no key too, so that the answer's time tells nothing.
        right = hmac.compare_digest(_digest(match[2]), key.digest if key else "")
        if key is None or not right or key.revoked_at is not None:
            return None
        if (key.last_used_at or 0) + _USED_SECONDS < (now := self._clock()):
            with suppress(StoreUnavailable):
                self._store.used(key.key_id, now)
            self._remember(key.key_id, replace(key, last_used_at=now))
        return key

    def _find(self, key_id: str) -> ApiKey | None:
        with self._lock:
            until, key = self._found.get(key_id, (0.0, None))
        if until > self._passing():
            return key
        key = self._store.get(key_id)
        self._remember(key_id, key)
        return key

    def _remember(self, key_id: str, key: ApiKey | None) -> None:
        with self._lock:
            if len(self._found) >= _CACHED_MOST:
                self._found.clear()
            self._found[key_id] = self._passing() + CACHED_SECONDS, key


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
