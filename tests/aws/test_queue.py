"""What of the SQS adapter no other queue has."""

from __future__ import annotations

from pdfsmaller.aws import clients
from tests.aws_stack import Stack


def test_looking_ends_where_a_message_shows_again(stack: Stack) -> None:
    url = stack.settings.dead_letter_queue_url
    for n in range(25):
        stack.sqs.send_message(QueueUrl=url, MessageBody=f"dead {n}")
    calls: list[object] = []
    clients.sqs().meta.events.register("before-call.sqs.ReceiveMessage", lambda **call: calls.append(call))
    looked_at = [message.message_id for message in stack.world.queue.peek_dead_letters(hold_seconds=0)]
    assert len(looked_at) == len(set(looked_at)) <= 25
    assert len(calls) <= 4
    assert len(stack.waiting(url)) == 25
