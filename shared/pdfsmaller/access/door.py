"""Lets in who has a key, and keeps from guessing who has none."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from pdfsmaller.access.addresses import network
from pdfsmaller.access.keys import ApiKey, Keys
from pdfsmaller.access.local_counters import LocalCounters
from pdfsmaller.access.rates import Limiter, Rate
from pdfsmaller.errors import RateLimited, Unauthorized

logger = logging.getLogger(__name__)

#: Keys that are none, from one address. They are counted in each process for itself: a store need not hear of them.
_WRONG = Rate(30, 60)
_WANTED = "Send one of this service's API keys as 'X-Api-Key' or 'Authorization: Bearer'."


class Door:
    """The way in with a key.

    An address that has sent too many wrong ones is not listened to for the rest of the minute, whatever it sends:
    were right keys let in then, the answer would tell a guesser that he has one.
    """

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._wrong = Limiter(LocalCounters(clock))

    def let_in(self, given: str, address: str) -> ApiKey:
        """The key that somebody gives.

        Raises:
            Unauthorized: it is none, or not in use any more.
            RateLimited: too many from this address were none.
        """
        taker = network(address)
        asked = self._wrong.take(taker, [_WRONG], 0)
        if not asked.standings[0].left:
            raise RateLimited(
                f"Too many wrong API keys came from your address. Try again in {asked.standings[0].seconds} s, with "
                "the key as it was shown when it was made.",
                str(_WRONG),
                asked.standings[0].seconds,
            )
        key = self._keys.known(given)
        if key is None:
            self._wrong.take(taker, [_WRONG])
            logger.warning("wrong API key", extra={"client": address})  # as deploy/fail2ban reads it
            raise Unauthorized(f"The API key is not known, or was revoked. {_WANTED}" if given else _WANTED)
        return key


def nobody() -> Unauthorized:
    """What somebody hears who gives no key at all."""
    return Unauthorized(_WANTED)
