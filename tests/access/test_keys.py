"""API keys: what is kept of them, who is let in, for how long after their end."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from pdfsmaller import errors
from pdfsmaller.access.door import Door
from pdfsmaller.access.keys import CACHED_SECONDS, ApiKey, Keys
from tests.aws_stack import Clock
from tests.memory import MemoryKeyStore


@dataclass
class Watched(MemoryKeyStore):
    """Counts what is asked of it."""

    gets: int = 0
    uses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def get(self, key_id: str) -> ApiKey | None:
        self.gets += 1
        return super().get(key_id)

    def used(self, key_id: str, at: float) -> None:
        self.uses.append(at)
        super().used(key_id, at)


@pytest.fixture
def store() -> Watched:
    return Watched()


@pytest.fixture
def keys(store: Watched, clock: Clock) -> Keys:
    return Keys(store, clock, clock)


class TestKept:
    def test_a_key_is_shown_once_and_only_its_hash_is_kept(self, keys: Keys, store: Watched) -> None:
        made, text = keys.create("phone", "10 per hour")
        prefix, key_id, secret = text.split("_")
        assert (prefix, key_id, len(bytes.fromhex(secret))) == ("pdfs", made.key_id, 32)
        assert secret not in repr([vars(type(store.all()[0])), store.all()])
        assert made.digest != secret
        assert made.digest not in repr(made)
        assert keys.known(text) == made

    def test_no_two_are_alike(self, keys: Keys) -> None:
        assert len({keys.create("a")[1] for _ in range(50)}) == 50

    @pytest.mark.parametrize("name", ["", " ", " a", "x" * 101, "a\nb", "\x00"])
    def test_a_name_that_makes_no_sense_is_refused(self, keys: Keys, name: str) -> None:
        with pytest.raises(errors.InvalidOption):
            keys.create(name)
        assert keys.all() == []

    def test_so_are_limits(self, keys: Keys) -> None:
        with pytest.raises(errors.InvalidOption, match="100 per hour"):
            keys.create("a", "lots")


class TestKnown:
    def test_what_is_no_key_is_not_looked_for(self, keys: Keys, store: Watched) -> None:
        _, text = keys.create("a")
        for given in ("", "x", text[:-1], text + "0", text.upper(), text.replace("_", "-"), "pdfs_" * 2_000, "é" * 90):
            assert keys.known(given) is None
        assert store.gets == 0

    def test_the_secret_counts_and_not_the_id_alone(self, keys: Keys) -> None:
        one, other = keys.create("a")[1], keys.create("b")[1]
        assert keys.known(one[:22] + other[22:]) is None
        assert keys.known(f"pdfs_{'0' * 16}_{one[22:]}") is None

    def test_it_is_looked_up_once_in_a_while(self, keys: Keys, store: Watched, clock: Clock) -> None:
        _, text = keys.create("a")
        for _ in range(20):
            assert keys.known(text)
        assert store.gets == 1
        clock.forward(CACHED_SECONDS + 0.1)
        assert keys.known(text)
        assert store.gets == 2

    def test_one_that_is_not_there_too(self, keys: Keys, store: Watched) -> None:
        for _ in range(20):
            assert keys.known(f"pdfs_{'0' * 16}_{'0' * 64}") is None
        assert store.gets == 1

    def test_what_is_remembered_has_a_bound(self, keys: Keys) -> None:
        for number in range(3_000):
            keys.known(f"pdfs_{number:016x}_{'0' * 64}")
        assert len(keys._found) <= 1_000

    def test_a_revoked_one_is_let_in_for_a_few_seconds_at_most(self, keys: Keys, clock: Clock) -> None:
        made, text = keys.create("a")
        assert keys.known(text)
        keys.revoke(made.key_id)
        clock.forward(CACHED_SECONDS + 0.1)
        assert keys.known(text) is None
        assert [key.revoked_at for key in keys.all()] != [None]

    def test_revoking_what_is_not_there_is_said(self, keys: Keys) -> None:
        with pytest.raises(errors.KeyNotFound, match="keys list"):
            keys.revoke("x" * 1_000)

    def test_its_use_is_noted_now_and_then(self, keys: Keys, store: Watched, clock: Clock) -> None:
        _, text = keys.create("a")
        for _ in range(30):
            assert keys.known(text)
            clock.forward(30)
        assert len(store.uses) == 2

    def test_a_wrong_secret_is_no_use(self, keys: Keys, store: Watched) -> None:
        _, text = keys.create("a")
        assert keys.known(text[:-64] + "0" * 64) is None
        assert store.uses == []


class TestDoor:
    def test_a_wrong_key_is_logged_with_who_sent_it_and_without_itself(
        self, keys: Keys, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(errors.Unauthorized):
            Door(keys, clock).let_in("a wrong one", "192.0.2.1")
        [line] = caplog.records
        assert (line.message, vars(line)["client"]) == ("wrong API key", "192.0.2.1")
        assert "a wrong one" not in str(vars(line))

    def test_an_address_with_many_wrong_keys_is_not_listened_to_for_a_while(self, keys: Keys, clock: Clock) -> None:
        door, (_, right) = Door(keys, clock), keys.create("a")
        for number in range(30):
            with pytest.raises(errors.Unauthorized):
                door.let_in(f"pdfs_{number:016x}_{'0' * 64}" if number % 2 else "x" * 10_000, "192.0.2.1")
        refused = []
        for given in (right, "wrong"):
            with pytest.raises(errors.RateLimited) as caught:
                door.let_in(given, "192.0.2.1")
            refused.append(caught.value.message)
        assert refused[0] == refused[1], "whether a key is right is not told"
        assert caught.value.retry_after
        assert door.let_in(right, "192.0.2.2")
        clock.forward(caught.value.retry_after + 1)
        assert door.let_in(right, "192.0.2.1")

    def test_right_keys_are_counted_by_nobody(self, keys: Keys, clock: Clock) -> None:
        door, (_, right) = Door(keys, clock), keys.create("a")
        for _ in range(200):
            door.let_in(right, "192.0.2.1")

    def test_one_customer_s_ipv6_addresses_are_one(self, keys: Keys, clock: Clock) -> None:
        door = Door(keys, clock)
        for number in range(30):
            with pytest.raises(errors.Unauthorized):
                door.let_in("wrong", f"2001:db8:1:2::{number:x}")
        with pytest.raises(errors.RateLimited):
            door.let_in("wrong", "2001:db8:1:2:ffff::1")
        with pytest.raises(errors.Unauthorized):
            door.let_in("wrong", "2001:db8:1:3::1")
