"""The same request twice makes one job: what ``Idempotency-Key`` (an IETF draft of that name) asks for.

The first who comes with a key claims it, for an id under which the request then makes its jobs, and notes at the end
what it made. Whoever comes with the same key and the same request gets just that, as it stands now. A request that
comes while the first is taken in waits for it a little; where that one never ends (its process died) the next takes its
place under the same id: what was made already is gone on with, and nothing is made twice.

Keys are apart for each caller: each API key's owner and, without keys, each address. Else somebody who guesses a key,
or uses one that everybody uses, would be handed another's job or learn that there is one. Who sends again from another
address makes another job, which harms nobody.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pdfsmaller import errors
from pdfsmaller.jobs.model import new_id
from pdfsmaller.services.outcome import kept_seconds
from pdfsmaller.services.turns import asker_of

if TYPE_CHECKING:
    from pdfsmaller.services.caller import Caller
    from pdfsmaller.services.world import World

MadeT = TypeVar("MadeT")

KEY_MAX_CHARS = 255
#: A key is remembered for as long at least, and as long as the files of what it made.
_KEPT_SECONDS = 24 * 3_600
#: A request that was not taken in after so long is taken for dead. Should it live, both do the same under one id.
_TAKEN_IN_SECONDS = 60.0
#: How long the same request waits for the one that is taken in, before its caller is told to come again.
_WAIT_SECONDS = 5.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Once:
    """A request that is to be done once.

    Attributes:
        key: what its caller calls it.
        content: all that makes it what it is, files by their hashes.
        caller: who sends it.
    """

    key: str
    content: bytes
    caller: Caller


@dataclass(frozen=True, slots=True)
class _Claim:
    """Who holds a key: the id under which jobs are made, when that began, and for which request.

    ``str`` of it is what the store keeps: 64 characters.
    """

    id: str
    at: int
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.id}{self.at:08x}{self.fingerprint}"

    @classmethod
    def read(cls, text: str) -> _Claim:
        return cls(text[:32], int(text[32:40], 16), text[40:])


def checked_key(key: str) -> str:
    """A key as it came in the header, without the quotation marks that the draft has around it.

    Raises:
        InvalidIdempotencyKey.
    """
    text = key.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not 1 <= len(text) <= KEY_MAX_CHARS or not text.isascii() or not text.isprintable():
        raise errors.InvalidIdempotencyKey(
            f"Send an Idempotency-Key of 1 to {KEY_MAX_CHARS} visible ASCII characters, a random UUID for example."
        )
    return text


class Idempotency:
    """Does requests once."""

    def __init__(self, world: World) -> None:
        self._jobs, self._settings = world.jobs, world.settings
        self._kept = max(_KEPT_SECONDS, kept_seconds(world.settings))

    def do(
        self,
        once: Once,
        make: Callable[[str], MadeT],
        name: Callable[[MadeT], str],
        again: Callable[[str], MadeT],
    ) -> tuple[MadeT, bool]:
        """What the request makes, or has made; and whether it had been made already.

        Args:
            make: makes it under an id; called once more with the same id it goes on where it stopped.
            name: the id that ``again`` finds it by.
            again: what was made, as it stands.

        Raises:
            IdempotencyKeyReused: the key's first request was another one.
            RequestInProgress: that one is still taken in.
            Exception: as ``make``; the key is free again then.
        """
        what = f"request\n{asker_of(once.caller, self._settings)}\n{once.key}"
        claim, mine = self._claim(what, self._fingerprint(once))
        done = f"{what}\n{claim.id}"
        if not mine:
            if made := self._made(done, claim):
                return again(made), True
            if self._jobs.now() - claim.at < _TAKEN_IN_SECONDS:
                raise errors.RequestInProgress(
                    "The request that came first with this Idempotency-Key is still being taken in. Send it again in a "
                    f"few seconds; after {_TAKEN_IN_SECONDS:.0f} seconds it is begun anew."
                )
        try:
            result = make(claim.id)
        except Exception:
            with suppress(Exception):  # where the store is away the key is free after a while
                self._jobs.unclaim(what, str(claim))
            raise
        self._jobs.claim(done, name(result), kept_seconds=self._kept)
        return result, False

    def _claim(self, what: str, fingerprint: str) -> tuple[_Claim, bool]:
        """The claim that holds, and whether it was made here."""
        while True:
            now = self._jobs.now()
            wanted = _Claim(new_id(), int(now), fingerprint)
            found = _Claim.read(self._jobs.claim(what, str(wanted), kept_seconds=self._kept))
            if found == wanted:
                return found, True
            if now - found.at < self._kept:
                break
            self._jobs.unclaim(what, str(found))  # a store may remember for longer than it was asked to
        if not hmac.compare_digest(found.fingerprint, fingerprint):
            raise errors.IdempotencyKeyReused(
                "This Idempotency-Key came with another request before. Send each request with a key of its own, and "
                "the same key only with the same files, options and path."
            )
        return found, False

    def _made(self, done: str, claim: _Claim) -> str | None:
        """What the first request noted that it made, once it has; None where it does not come to that in time."""
        ends_at = time.monotonic() + _WAIT_SECONDS
        while not (made := self._jobs.claimed_by(done)):
            if time.monotonic() >= ends_at or self._jobs.now() - claim.at >= _TAKEN_IN_SECONDS:
                return None
            time.sleep(_LOOK_SECONDS)
        return made

    def _fingerprint(self, once: Once) -> str:
        """24 letters that tell requests apart, and nobody what was in one: there may be a password in it."""
        secret = f"{self._settings.secret_key}\n{once.key}".encode()
        return hmac.new(secret, once.content, hashlib.sha256).hexdigest()[:24]
