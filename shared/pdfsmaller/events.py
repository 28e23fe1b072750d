"""S3 events: reading those that arrive, writing those that we send ourselves.

Only one shape exists: S3's own notification (``{"Records": [{"s3": …}]}``). A retry, a redrive or a store without
events sends the same shape. Form: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from pdfsmaller.errors import PdfSmallerError


class MalformedEvent(PdfSmallerError):
    """A message that is no S3 event. It is left to the queue, which moves it to the dead-letter queue."""

    code = "malformed_event"
    title = "Not an S3 event"


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """An object was created: bucket, key (decoded), what tells this writing of it from the next, and the entity tag
    (without its quotation marks; empty where the event has none).
    """

    bucket: str
    key: str
    version: str = ""
    etag: str = ""

    @property
    def is_folder(self) -> bool:
        """Keys ending in ``/`` are the folders that consoles and sync programs make."""
        return self.key.endswith("/")


def parse(body: str | dict[str, Any]) -> list[ObjectCreated]:
    """The created objects that a message names; none for ``s3:TestEvent`` and for deletions.

    Raises:
        MalformedEvent: it is not JSON or not of S3's form.
    """
    try:
        event = json.loads(body) if isinstance(body, str) else body
        if event.get("Event") == "s3:TestEvent":
            return []
        return [
            _created(record["s3"]) for record in event["Records"] if "ObjectRemoved" not in record.get("eventName", "")
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise MalformedEvent(f"The message is not an S3 event: {exc!r}") from exc


def _created(s3: dict[str, Any]) -> ObjectCreated:
    item = s3["object"]
    # S3 encodes keys like a form: "a b+c" arrives as "a+b%2Bc".
    return ObjectCreated(
        bucket=str(s3["bucket"]["name"]),
        key=unquote_plus(item["key"]),
        version=str(item.get("versionId") or item.get("sequencer") or item.get("eTag") or ""),
        etag=str(item.get("eTag") or "").strip('"'),
    )


def s3_event(created: ObjectCreated) -> str:
    """The message body that S3 would send for ``created``."""
    item = {"key": quote_plus(created.key, safe="/"), "sequencer": created.version}
    if created.etag:
        item["eTag"] = created.etag
    return json.dumps(
        {
            "Records": [
                {
                    "eventSource": "pdfsmaller:announce",
                    "eventName": "ObjectCreated:Announce",
                    "s3": {"bucket": {"name": created.bucket}, "object": item},
                }
            ]
        }
    )
