"""AWS clients for an emulator, by localstack-client."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config as BotoConfig
from localstack_client.session import Session

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class Clients:
    """Clients of one emulator. ``clients("s3")`` is boto3's S3 client, pointed there."""

    def __init__(self, endpoint: str, region: str) -> None:
        # localstack-client lets AWS_ENDPOINT_URL overrule the address it is given; more than one stack may run.
        overruling = os.environ.pop("AWS_ENDPOINT_URL", None)
        try:
            self._session = Session(
                aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
                region_name=region,
                localstack_host=urlsplit(endpoint).netloc,
            )
        finally:
            if overruling is not None:
                os.environ["AWS_ENDPOINT_URL"] = overruling

    def __call__(self, service: str, **config: Any) -> Any:
        if service == "s3":
            config["s3"] = {"addressing_style": "path"}  # an emulator has no host name per bucket
        settings = BotoConfig(retries={"mode": "standard", "max_attempts": 3}, **config)
        return self._session.client(service, config=settings)
