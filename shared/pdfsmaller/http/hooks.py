"""The description's part on callbacks: the field that asks for one, and what is sent there."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from pdfsmaller.services.webhooks import address
from pdfsmaller.services.webhooks.deliver import PAUSES

_HEADERS = {
    "webhook-id": "The same for every attempt at telling one end: by it a repetition is known.",
    "webhook-timestamp": "When this attempt was made, in seconds since the epoch.",
    "webhook-signature": "`v1,` and the base64 of an HMAC-SHA256 over id, timestamp and body, joined by dots. The key "
    "is the base64 behind `whsec_` in the secret that `pdfsmaller webhooks secret` shows.",
}


_FIELD = "An https:// address that each of the job's ends is POSTed to, signed (see the webhook `jobEnded`)."
_AGAIN = f"Told again later, {len(PAUSES) + 1} times within {sum(PAUSES) / 3_600:.0f} hours; redirects too"


def field() -> tuple[Any, Any]:
    """The form field, as ``create_model`` takes it."""
    return str | None, Field(default=None, description=_FIELD, max_length=address.MAX_CHARS)


def webhooks(content: dict[str, Any]) -> dict[str, Any]:
    """The webhooks; ``content`` is the request's body."""
    return {
        "jobEnded": {
            "post": {
                "operationId": "jobEnded",
                "summary": "A job has ended",
                "description": "Sent to the `callback_url` of the job, as Standard Webhooks has it, at least once for "
                "each end. An end that was overtaken by a later one (`job.expired`) may not be told any more.",
                "parameters": [
                    {
                        "name": name,
                        "in": "header",
                        "required": True,
                        "description": text,
                        "schema": {"type": "string"},
                    }
                    for name, text in _HEADERS.items()
                ],
                "requestBody": {"required": True, "content": content},
                "responses": {
                    "2XX": {"description": "Received"},
                    "410": {"description": "This end is not told again"},
                    "default": {"description": _AGAIN},
                },
            }
        }
    }
