"""The one settings class. Every field is an environment variable of the same name in capitals; see ``.env.example``.

AWS endpoints and credentials are boto3's own business (``AWS_ENDPOINT_URL``, ``AWS_REGION`` …) and are not repeated
here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pdfsmaller.engine.options import parse_size
from pdfsmaller.limits import Limits

Size = Annotated[int, BeforeValidator(parse_size)]
NonEmptyOrNone = Annotated[str | None, BeforeValidator(lambda value: value or None)]


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


CommaSeparated = Annotated[list[str], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """What an operator can set. Sizes take bytes or ``500KB``, ``100MB`` (powers of 1,000)."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    # Where things are. The names are those of a stack on an emulator.
    uploads_bucket: str = "pdfsmaller-uploads"
    results_bucket: str = "pdfsmaller-results"
    compress_queue_url: str = ""
    dead_letter_queue_url: str = ""
    jobs_table: str = "pdfsmaller-jobs"
    s3_public_endpoint_url: NonEmptyOrNone = None
    public_base_url: NonEmptyOrNone = None

    # What one request or document may cost.
    max_file_size: Size = 100_000_000
    max_files: Annotated[int, Field(ge=1, le=100)] = 100
    max_request_size: Size = 500_000_000
    max_inline_result_size: Size = 4_000_000
    max_wait_seconds: Annotated[int, Field(ge=0, le=60)] = 60
    max_pages: int = Limits().max_pages
    max_image_bytes: Size = Limits().max_image_bytes
    max_job_image_bytes: Size = Limits().max_job_image_bytes
    max_stream_bytes: Size = Limits().max_stream_bytes
    engine_memory_bytes: Size = Limits().memory_bytes
    soft_timeout_seconds: float = Limits().hard_seconds

    # How jobs live.
    max_file_age_hours: float = 24
    drop_max_age_hours: Annotated[float | None, BeforeValidator(lambda value: None if value == "" else value)] = None
    upload_expires_seconds: int = 3_600
    requeue_after_seconds: int = 900
    lease_seconds: float = 60
    heartbeat_seconds: float = 10
    retry_delay_seconds: int = 10
    max_receive_count: int = 5
    cleanup_enabled: bool = True

    # The HTTP side.
    allowed_origins: CommaSeparated = []
    api_keys: CommaSeparated = []
    secret_key: str = ""
    health_check_enabled: bool = True
    metrics_enabled: bool = True
    log_level: str = "INFO"

    def limits(self) -> Limits:
        """The engine's limits. Its soft limit leaves a quarter of the time for writing what it has."""
        return Limits(
            max_pages=self.max_pages,
            max_image_bytes=self.max_image_bytes,
            max_job_image_bytes=self.max_job_image_bytes,
            max_stream_bytes=self.max_stream_bytes,
            memory_bytes=self.engine_memory_bytes,
            soft_seconds=self.soft_timeout_seconds * 0.75,
            hard_seconds=self.soft_timeout_seconds,
        )


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
