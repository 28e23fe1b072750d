"""Receivers that stall are left alone for a while; nobody is asked more than twice at a time."""

from __future__ import annotations

from pdfsmaller.services.webhooks.hosts import AT_ONCE, Hosts


def test_a_few_at_a_time() -> None:
    hosts = Hosts()
    assert [hosts.enter("a", 0) for _ in range(AT_ONCE)] == [0] * AT_ONCE
    assert hosts.enter("a", 0) >= 1
    assert hosts.enter("b", 0) == 0
    hosts.leave("a", 0, stalled=False)
    assert hosts.enter("a", 0) == 0


def test_one_that_stalls_rests_longer_each_time_until_it_answers() -> None:
    hosts, now = Hosts(), 0.0
    for rest in (10, 20, 40, 80, 160, 300, 300):
        assert hosts.enter("a", now) == 0
        hosts.leave("a", now, stalled=True)
        assert rest <= hosts.enter("a", now) <= 2 * rest
        assert hosts.enter("a", now + rest - 0.1) > 0
        now += rest
    assert hosts.enter("a", now) == 0
    assert hosts.enter("a", now) > 0, "one is enough to see whether it answers again"
    hosts.leave("a", now, stalled=False)
    assert hosts.enter("a", now) == 0
    hosts.leave("a", now, stalled=True)
    assert hosts.enter("a", now) <= 20


def test_several_that_stall_at_once_count_as_one() -> None:
    hosts = Hosts()
    for _ in range(AT_ONCE):
        assert hosts.enter("a", 0) == 0
    for _ in range(AT_ONCE):
        hosts.leave("a", 15, stalled=True)
    assert 10 <= hosts.enter("a", 15) <= 20


def test_any_number_of_receivers_is_remembered_within_bounds() -> None:
    hosts = Hosts()
    for number in range(20_000):
        assert hosts.enter(str(number), 0) == 0
        hosts.leave(str(number), 0, stalled=False)
    assert hosts.enter("stalled", 0) == 0
    hosts.leave("stalled", 0, stalled=True)
    assert hosts.enter("stalled", 0) > 0
    assert len(hosts._hosts) <= 10_001
