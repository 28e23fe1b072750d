"""S3's events with a sequencer that tells one from the next. LocalStack gives all of them the same."""

from __future__ import annotations

import itertools
import time
from typing import Any

from localstack.services.s3.notifications import SqsNotifier

_numbers = itertools.count()


def install() -> None:
    """Have S3 number its events from now on."""
    original = SqsNotifier._get_event_payload

    def get_event_payload(*args: Any, **kwargs: Any) -> Any:
        payload = original(*args, **kwargs)
        for record in payload["Records"]:
            if "sequencer" in record["s3"]["object"]:
                record["s3"]["object"]["sequencer"] = sequencer()
        return payload

    SqsNotifier._get_event_payload = staticmethod(get_event_payload)


def sequencer() -> str:
    """Hexadecimal; a later one compares greater, over restarts too."""
    return f"{time.time_ns():016X}{next(_numbers):04X}"
