from __future__ import annotations

from pdfsmaller import aws, events
from pdfsmaller.queue import Queue, backoff_seconds
from tests.aws_stack import Stack


def test_announcing_sends_the_event_that_s3_would_send(stack: Stack) -> None:
    created = events.ObjectCreated(stack.settings.uploads_bucket, "inbox/a b.pdf", "7")
    Queue(stack.settings).announce(created)
    [message] = stack.waiting()
    assert events.parse(message["Body"]) == [created]


def test_backoff_doubles_and_ends() -> None:
    assert [backoff_seconds(n, 10) for n in (1, 2, 3, 20)] == [10, 20, 40, 600]


def test_looking_at_dead_letters_takes_none(stack: Stack) -> None:
    url = stack.settings.dead_letter_queue_url
    for n in range(25):
        stack.sqs.send_message(QueueUrl=url, MessageBody=f"dead {n}")
    queue = Queue(stack.settings)
    for _ in range(2):
        assert {message.body for message in queue.peek_dead_letters()} == {f"dead {n}" for n in range(25)}
    assert len(stack.waiting(url)) == 25


def test_looking_ends_where_a_message_shows_again(stack: Stack) -> None:
    url = stack.settings.dead_letter_queue_url
    for n in range(25):
        stack.sqs.send_message(QueueUrl=url, MessageBody=f"dead {n}")
    calls: list[object] = []
    aws.sqs().meta.events.register("before-call.sqs.ReceiveMessage", lambda **call: calls.append(call))
    looked_at = [message.message_id for message in Queue(stack.settings).peek_dead_letters(hold_seconds=0)]
    assert len(looked_at) == len(set(looked_at)) <= 25
    assert len(calls) <= 4
    assert len(stack.waiting(url)) == 25


def test_looking_is_bounded_by_number_and_by_time(stack: Stack) -> None:
    url = stack.settings.dead_letter_queue_url
    for n in range(25):
        stack.sqs.send_message(QueueUrl=url, MessageBody=f"dead {n}")
    queue = Queue(stack.settings)
    assert sum(1 for _ in queue.peek_dead_letters(max_messages=20)) == 20
    assert sum(1 for _ in queue.peek_dead_letters(max_seconds=0)) == 0
    assert len(stack.waiting(url)) == 25


def test_dead_letters_show_again_when_the_reader_stops_half_way(stack: Stack) -> None:
    url = stack.settings.dead_letter_queue_url
    for n in range(3):
        stack.sqs.send_message(QueueUrl=url, MessageBody=f"dead {n}")
    peek = Queue(stack.settings).peek_dead_letters()
    next(peek)
    peek.close()  # type: ignore[attr-defined]
    assert len(stack.waiting(url)) == 3


def test_a_failed_message_comes_back_after_the_back_off_and_not_before(stack: Stack) -> None:
    message = stack.message("inbox/a.pdf")
    assert stack.waiting() == []
    Queue(stack.settings).retry_in(message, 0)
    assert [again["MessageId"] for again in stack.waiting()] == [message.message_id]


def test_depth_counts_waiting_and_in_flight(stack: Stack) -> None:
    stack.message("inbox/a.pdf")
    stack.sqs.send_message(QueueUrl=stack.settings.compress_queue_url, MessageBody="x")
    assert Queue(stack.settings).depth() == {"waiting": 1, "in_flight": 1}
