"""What a backfill costs on AWS, and what its saving is worth there.

Prices are in US dollars, of us-east-1, without the free tier, discounts and taxes, as they were published on
1 December 2025:

- Lambda, x86: https://aws.amazon.com/lambda/pricing/ (the first tier of GB-seconds)
- S3 Standard: https://aws.amazon.com/s3/pricing/ (the first 50 TB of a month)
- SQS: https://aws.amazon.com/sqs/pricing/ (standard queues)
- DynamoDB: https://aws.amazon.com/dynamodb/pricing/on-demand/

They change, and other regions have others: ``--prices FILE`` puts others in their place.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pdfsmaller.errors import InvalidOption

_GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in US dollars, and what one document needs of what they are for.

    Attributes:
        lambda_gb_second: a gigabyte of a function's memory for a second.
        lambda_gb: the memory of the function that compresses (template.yaml, CompressMemory), in GB.
        lambda_million_requests: a million calls of it.
        s3_thousand_writes: a thousand PUT, COPY, POST or LIST requests.
        s3_thousand_reads: a thousand GET or HEAD requests.
        s3_gb_month: a gigabyte kept for a month.
        sqs_million_requests: a million requests to the queue.
        dynamodb_million_writes, dynamodb_million_reads: a million units of the job table.
        writes, reads: S3 requests of one document: it is copied in, its result and report are written, and the result
            is laid; one more where the original is kept.
        queue_requests, table_writes, table_reads: of one document's job.
    """

    lambda_gb_second: float = 0.0000166667
    lambda_gb: float = 3.538
    lambda_million_requests: float = 0.20
    s3_thousand_writes: float = 0.005
    s3_thousand_reads: float = 0.0004
    s3_gb_month: float = 0.023
    sqs_million_requests: float = 0.40
    dynamodb_million_writes: float = 0.625
    dynamodb_million_reads: float = 0.125
    writes: float = 5
    reads: float = 7
    queue_requests: float = 5
    table_writes: float = 25
    table_reads: float = 20

    def cost(self, documents: int, seconds: float) -> float:
        """What it costs to compress so many documents, which take so many seconds together."""
        each = (
            self.lambda_million_requests / 1e6
            + self.writes * self.s3_thousand_writes / 1e3
            + self.reads * self.s3_thousand_reads / 1e3
            + self.queue_requests * self.sqs_million_requests / 1e6
            + self.table_writes * self.dynamodb_million_writes / 1e6
            + self.table_reads * self.dynamodb_million_reads / 1e6
        )
        return documents * each + seconds * self.lambda_gb * self.lambda_gb_second

    def kept_for_a_month(self, size: float) -> float:
        """What it costs to keep so many bytes for a month."""
        return size / _GB * self.s3_gb_month


def read_prices(path: Path | None) -> Prices:
    """The prices, with those of a JSON file in their place.

    Raises:
        InvalidOption: it holds no such prices.
        OSError.
    """
    if path is None:
        return Prices()
    known = [item.name for item in fields(Prices)]
    try:
        given = json.loads(path.read_bytes())
        made = Prices(**(asdict(Prices()) | {name: float(value) for name, value in given.items()}))
    except (ValueError, TypeError, AttributeError):
        raise InvalidOption("prices", path, [f"a file of JSON with numbers for some of {', '.join(known)}"]) from None
    if not all(math.isfinite(value) and value >= 0 for value in asdict(made).values()):
        raise InvalidOption("prices", path, ["numbers from 0"])
    return made
