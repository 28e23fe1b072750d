"""Callbacks from a server of one's own: from a job's end to the receiver, and how that one knows whom they are from."""

from __future__ import annotations

from collections.abc import Callable

from tests import documents
from tests.processes.served import Served, run
from tests.services.webhooks.receiver import answers, is_signed, receiving

Serve = Callable[..., Served]
LOCAL = {"WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1/32"}


def test_serve_tells_ends_and_the_command_shows_the_secret(serve: Serve) -> None:
    with receiving(answers(503), answers(200)) as receiver:
        one = serve("--workers", 1, **LOCAL)
        job = one.finished(one.post(documents.text(1), callback_url=receiver.url)["job_id"])
        receiver.wait_for(2)
        one.until(lambda: len(one.job(job["job_id"])["callback"]["attempts"]) == 2)
    secret = run("webhooks", "secret", "--data", one.data).stdout.strip()
    first, second = receiver.received
    assert all(is_signed(received, secret) for received in receiver.received)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    told = second.told
    assert (told["type"], told["data"]["job_id"]) == ("job.succeeded", job["job_id"])
    assert told["data"]["links"]["download"] == f"{one.url}/api/jobs/{job['job_id']}/download"
    attempts = one.job(job["job_id"])["callback"]["attempts"]
    assert [attempt["status"] for attempt in attempts] == [503, 200]
    assert one.stop() == 0


def test_cleanup_by_hand_tells_what_is_due(serve: Serve) -> None:
    with receiving(answers(503), answers(200)) as receiver:
        one = serve("--workers", 1, **LOCAL)
        one.finished(one.post(b"%PDF-1.4 broken", callback_url=receiver.url)["job_id"])
        receiver.wait_for(1)
        one.kill()
        one.until(lambda: run("cleanup", "--data", one.data, **LOCAL).returncode == 0 and len(receiver.received) > 1)
    assert [received.told["type"] for received in receiver.received] == ["job.failed"] * 2


def test_a_receiver_next_door_is_refused_unless_it_is_allowed(serve: Serve) -> None:
    import requests

    one = serve("--workers", 1)
    form = {"callback_url": "https://127.0.0.1:8443/hook"}
    files = {"files": ("a.pdf", documents.text(1))}
    answer = requests.post(f"{one.url}/api/compress", files=files, data=form, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_callback")


def test_every_key_has_its_own_secret_and_none_is_shown_without_a_root(serve: Serve) -> None:
    key = {"SECRET_KEY": "k" * 32}
    ours, theirs = (run("webhooks", "secret", *arguments, **key).stdout for arguments in ((), ("--key", "abc")))
    assert ours.startswith("whsec_")
    assert theirs.startswith("whsec_")
    assert ours != theirs
    assert run("webhooks", "secret", WEBHOOK_SECRET="whsec_" + "A" * 32).stdout == "whsec_" + "A" * 32 + "\n"
    nothing = run("webhooks", "secret")
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "WEBHOOK_SECRET" in nothing.stderr
