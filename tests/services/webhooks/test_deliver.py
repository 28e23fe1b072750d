"""Ends are told, at least once each, on every store: to receivers that fail, stall, redirect or answer late as well."""

from __future__ import annotations

import threading
import time

import pytest

from pdfsmaller.jobs.moves import CALLBACK_LOOK_SECONDS
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.webhooks import deliver, signature, tell
from pdfsmaller.services.webhooks.deliver import PAUSES, CallbackService
from tests.aws_stack import success
from tests.services.webhooks.conftest import SECRET, Hooks
from tests.services.webhooks.receiver import answers, free_port, is_signed, receiving, stalls

HOUR = 3_600.0


def due_again(hooks: Hooks, seconds: float) -> int:
    """Let so much time pass, and do what has come due by then.

    moto's queues have the host's clock: what is hidden there cleanup sends again, as after a lost message.
    """
    hooks.clock.forward(seconds)
    if done := hooks.work():
        return done
    hooks.clock.forward(40)
    hooks.cleanup.run()
    return hooks.work()


class TestEveryEnd:
    def test_is_told_signed_with_the_job_as_its_caller_sees_it(self, hooks: Hooks) -> None:
        with receiving() as receiver:
            job = hooks.ended(receiver.url)
            assert hooks.work() == 1
        [received] = receiver.received
        told = received.told
        assert told["type"] == "job.failed"
        assert told["timestamp"] == told["data"]["updated_at"]
        assert told["data"]["job_id"] == job.job_id
        assert told["data"]["error"] == {"code": "unreadable_pdf", "message": "broken"}
        assert told["data"]["links"]["self"] == f"https://pdf.example/api/jobs/{job.job_id}"
        assert received.headers["content-type"] == "application/json"
        assert received.headers["user-agent"].startswith("pdfsmaller/")
        assert abs(int(received.headers["webhook-timestamp"]) - hooks.jobs.now()) < 60
        assert is_signed(received, SECRET)
        assert not is_signed(received, SECRET[:-4] + "AAAA")

    def test_is_told_once_and_visible_on_the_job(self, hooks: Hooks) -> None:
        with receiving() as receiver:
            job = hooks.ended(receiver.url)
            hooks.work()
            for _ in range(3):
                due_again(hooks, HOUR)
        assert len(receiver.received) == 1
        [attempt] = hooks.stands(job).callback_attempts
        assert (attempt.type, attempt.status, attempt.error) == ("job.failed", 204, None)
        assert attempt.at == pytest.approx(hooks.jobs.now(), abs=4 * HOUR)

    def test_of_any_kind_is_told_by_its_own_id(self, hooks: Hooks) -> None:
        with receiving() as receiver:
            started = hooks.jobs.start(hooks.job(receiver.url).job_id, "m", 60)
            assert started
            hooks.world.ends.succeed(started, success(started), kept_seconds=60)
            hooks.world.ends.cancel(hooks.job(receiver.url), kept_seconds=60)
            hooks.work()
            hooks.clock.forward(61)
            hooks.cleanup.run()
            hooks.work()
        told = [received.told for received in receiver.received]
        assert sorted(item["type"] for item in told[:2]) == ["job.cancelled", "job.succeeded"]
        assert [item["type"] for item in told[2:]] == ["job.expired"] * 2
        assert len({received.headers["webhook-id"] for received in receiver.received}) == 4

    def test_nothing_is_sent_for_a_job_that_wants_none(self, hooks: Hooks) -> None:
        hooks.world.ends.cancel(hooks.job(""), kept_seconds=60)
        assert hooks.work() == 0

    def test_each_api_key_has_a_secret_of_its_own(self, hooks: Hooks) -> None:
        with receiving() as receiver:
            hooks.ended(receiver.url, owner="key1")
            hooks.work()
        [received] = receiver.received
        assert not is_signed(received, SECRET)
        assert is_signed(received, signature.written(signature.secret(hooks.world.settings, "key1")))


class TestAgain:
    def test_is_told_until_it_is_taken_with_the_same_id_each_time_later(self, hooks: Hooks) -> None:
        with receiving(answers(500), answers(503), answers(200)) as receiver:
            job = hooks.ended(receiver.url)
            hooks.work()
            assert hooks.stands(job).due_at == pytest.approx(hooks.jobs.now() + PAUSES[0], abs=3)
            assert hooks.work() == 0
            due_again(hooks, PAUSES[0] + 2)
            assert len(receiver.received) == 2
            due_again(hooks, PAUSES[1] + 2)
        assert len({received.headers["webhook-id"] for received in receiver.received}) == 1
        assert all(is_signed(received, SECRET) for received in receiver.received)
        assert hooks.errors(job) == [
            "The receiver answered with HTTP 500.",
            "The receiver answered with HTTP 503.",
            None,
        ]

    def test_is_given_up_in_the_end(self, hooks: Hooks) -> None:
        with receiving(answers(500)) as receiver:
            job = hooks.ended(receiver.url)
            hooks.work()
            for pause in PAUSES:
                assert due_again(hooks, pause + 2) > 0
            assert due_again(hooks, 12 * HOUR) == 0
        assert len(receiver.received) == len(PAUSES) + 1
        after = hooks.stands(job)
        assert (after.status, after.due_at) == (Status.FAILED, after.expires_at)

    def test_a_receiver_can_ask_for_more_time(self, hooks: Hooks) -> None:
        with receiving(answers(429, Retry_After="900"), answers(200)) as receiver:
            job = hooks.ended(receiver.url)
            hooks.work()
            assert hooks.stands(job).due_at == pytest.approx(hooks.jobs.now() + 900, abs=3)

    def test_but_not_for_all_time(self, hooks: Hooks) -> None:
        with receiving(answers(429, Retry_After="99999999")) as receiver:
            job = hooks.ended(receiver.url)
            hooks.work()
        assert hooks.stands(job).due_at < hooks.jobs.now() + 11 * HOUR

    def test_gone_is_a_no(self, hooks: Hooks) -> None:
        with receiving(answers(410)) as receiver:
            job = hooks.ended(receiver.url)
            hooks.work()
            assert due_again(hooks, HOUR) == 0
        assert hooks.errors(job) == ["The receiver wants to hear no more (HTTP 410)."]
        assert len(receiver.received) == 1

    def test_a_redirect_counts_as_a_failure(self, hooks: Hooks) -> None:
        with receiving() as elsewhere, receiving(answers(302, Location=elsewhere.url)) as receiver:
            job = hooks.ended(receiver.url)
            hooks.work()
        assert hooks.errors(job) == ["The receiver redirects (HTTP 302), and no redirect is followed."]
        assert elsewhere.received == []

    def test_what_is_allowed_no_more_is_not_done(self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
        with receiving() as receiver:
            job = hooks.ended(receiver.url)
            secrets = {"webhook_secret": "", "secret_key": ""}
            for number, change in enumerate(({"webhook_allowed_networks": []}, {"webhook_allow_http": False}, secrets)):
                settings = hooks.world.settings.model_copy(update=change)
                service = CallbackService(hooks.world)
                monkeypatch.setattr(service, "_settings", settings)
                monkeypatch.setattr(hooks, "service", service)
                due_again(hooks, PAUSES[number] + 2)
        assert receiver.received == []
        assert hooks.errors(job) == [
            "The host's name leads to an address that is not public.",
            "callback_url has to begin with https://.",
            "The service has no secret any more to sign with.",
        ]

    def test_one_that_answers_late_is_told_again_and_knows_it_by_the_id(
        self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deliver, "post", lambda *given, **more: _post(*given, **more, total_seconds=0.3))
        over = threading.Event()
        with receiving(stalls(over), answers(200)) as receiver:
            job = hooks.ended(receiver.url)
            hooks.work()
            over.set()
            time.sleep(0.1)
            monkeypatch.setattr(deliver, "post", _post)
            service = CallbackService(hooks.world)  # of another process, which has not seen it stall
            monkeypatch.setattr(hooks, "service", service)
            due_again(hooks, PAUSES[0] + 2)
        first, second = receiver.received
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert hooks.errors(job) == ["No answer came within 0.3 s.", None]


class TestLostAndTwice:
    def test_a_process_that_dies_between_end_and_message_loses_nothing(self, hooks: Hooks) -> None:
        with receiving() as receiver:
            job = hooks.job(receiver.url)
            assert hooks.jobs.fail(job, {"code": "x", "message": "x"}, kept_seconds=60 * HOUR)  # nobody is told
            assert hooks.cleanup.run()["callbacks_sent"] == 0, "its message may still come"
            hooks.clock.forward(2 * CALLBACK_LOOK_SECONDS + 2)
            assert hooks.cleanup.run()["callbacks_sent"] == 1
            assert hooks.cleanup.run()["callbacks_sent"] == 0, "that one is under way"
            hooks.work()
        assert [received.told["data"]["job_id"] for received in receiver.received] == [job.job_id]

    def test_one_that_dies_while_it_tells_does_not_either(self, hooks: Hooks) -> None:
        with receiving() as receiver:
            job = hooks.ended(receiver.url)
            assert hooks.receive()
            assert hooks.jobs.begin_telling(job, seconds=60)
            due_again(hooks, HOUR)
        assert len(receiver.received) == 1

    def test_one_that_dies_of_it_each_time_is_not_tried_for_ever(self, hooks: Hooks) -> None:
        with receiving() as receiver:
            job = hooks.ended(receiver.url)
            for _ in range(len(PAUSES) + 1):
                assert hooks.jobs.begin_telling(hooks.stands(job), seconds=60)
            due_again(hooks, HOUR)
            assert receiver.received == []
            assert due_again(hooks, HOUR) == 0
        assert hooks.stands(job).due_at == hooks.stands(job).expires_at

    def test_cleanup_does_so_where_it_deletes_nothing_too(self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
        keeping = hooks.world.settings.model_copy(update={"cleanup_enabled": False})
        monkeypatch.setattr(hooks.cleanup, "_settings", keeping)
        with receiving() as receiver:
            job = hooks.job(receiver.url)
            assert hooks.jobs.fail(job, {"code": "x", "message": "x"}, kept_seconds=60)
            hooks.clock.forward(HOUR)
            assert hooks.cleanup.run()["callbacks_sent"] == 1
            hooks.work()
            hooks.cleanup.run()
        assert len(receiver.received) == 1
        assert hooks.stands(job).status is Status.FAILED

    def test_two_messages_of_one_end_make_one_request(self, hooks: Hooks) -> None:
        with receiving() as receiver:
            job = hooks.ended(receiver.url)
            tell.send(hooks.world.callbacks, job)
            assert hooks.work() == 2
        assert len(receiver.received) == 1

    def test_two_at_once_make_one_request_too(self, hooks: Hooks) -> None:
        over = threading.Event()
        with receiving(stalls(over)) as receiver:
            job = hooks.ended(receiver.url)
            tell.send(hooks.world.callbacks, job)
            messages = [hooks.receive(), hooks.receive()]
            assert all(messages)
            threads = [threading.Thread(target=hooks.service.handle, args=(message,)) for message in messages]
            threads[0].start()
            receiver.wait_for(1)
            threads[1].start()
            threads[1].join(30)
            assert len(receiver.received) == 1
            over.set()
            threads[0].join(30)
        assert len(receiver.received) == 1

    def test_a_job_that_is_forgotten_is_nobodys(self, hooks: Hooks) -> None:
        hooks.world.callbacks.send('{"job_id": "00000000000000000000000000000000", "due_at": 1}')
        assert hooks.work() == 1
        assert hooks.work() == 0

    def test_an_end_that_was_undone_is_not_told(self, hooks: Hooks) -> None:
        with receiving() as receiver:
            job = hooks.ended(receiver.url)
            assert hooks.jobs.revive(job, due_in=900)
            hooks.work()
            assert receiver.received == []
            again = hooks.stands(job)
            hooks.world.ends.cancel(again, kept_seconds=60)
            hooks.work()
        assert [received.told["type"] for received in receiver.received] == ["job.cancelled"]


class TestFairness:
    def test_a_receiver_that_is_away_is_left_alone_and_others_are_told(self, hooks: Hooks) -> None:
        away = f"http://127.0.0.1:{free_port()}/"
        waiting = [hooks.ended(away) for _ in range(5)]
        with receiving() as receiver:
            other = hooks.ended(receiver.url)
            hooks.work()
            assert hooks.errors(other) == [None]
        tried = [job for job in waiting if hooks.errors(job)]
        assert len(tried) == 1, "the others wait until it had its rest"
        for job in waiting:
            assert hooks.stands(job).due_at > hooks.jobs.now()
            assert hooks.stands(job).callback_tries == (1 if job in tried else 0)

    def test_one_that_stalls_holds_a_request_for_its_time_and_no_longer(
        self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deliver, "post", lambda *given, **more: _post(*given, **more, total_seconds=0.3))
        over = threading.Event()
        with receiving(stalls(over)) as receiver:
            job = hooks.ended(receiver.url)
            begun = time.monotonic()
            hooks.work()
            assert time.monotonic() - begun < 30
            over.set()
        assert hooks.errors(job) == ["No answer came within 0.3 s."]


_post = deliver.post
