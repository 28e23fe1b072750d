"""The one settings class. Every field is an environment variable of the same name in capitals; see ``.env.example``.

AWS endpoints and credentials are boto3's own business (``AWS_ENDPOINT_URL``, ``AWS_REGION`` …) and are not repeated
here.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pdfsmaller.engine.options import parse_size
from pdfsmaller.limits import Limits

#: Shorter keys can be guessed; template.yaml asks for the same.
KEY_MIN_CHARS = 20
#: A lease must outlive some heartbeats that come late or are lost.
_HEARTBEATS_IN_A_LEASE = 3
#: gunicorn ends when a worker exits with this (its APP_LOAD_ERROR), instead of starting another one for ever.
_EXIT_CODE = 4
_REMEDY = "Correct them in the environment, in .env or among the stack's parameters; .env.example explains each."
_SECRET = ("api_keys", "secret_key")

Size = Annotated[int, BeforeValidator(parse_size)]
NonEmptyOrNone = Annotated[str | None, BeforeValidator(lambda value: value or None)]


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _split_keys(value: Any) -> Any:
    """As ``_split``, but an empty item stays, to be refused: a lone comma must not read as "no keys"."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) and value else value or []


CommaSeparated = Annotated[list[str], NoDecode, BeforeValidator(_split)]
Count = Annotated[int, Field(ge=1)]
Bytes = Annotated[Size, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Hours = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class InvalidSettings(Exception):
    """Settings that cannot be, all of them, each in a line: its name, its value (no secret's), what is allowed."""


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
    max_file_size: Bytes = 100_000_000
    max_files: Annotated[int, Field(ge=1, le=100)] = 100
    max_request_size: Bytes = 500_000_000
    max_inline_result_size: Annotated[Size, Field(ge=0)] = 4_000_000
    max_wait_seconds: Annotated[int, Field(ge=0, le=60)] = 60
    max_pages: Count = Limits().max_pages
    max_image_bytes: Bytes = Limits().max_image_bytes
    max_job_image_bytes: Bytes = Limits().max_job_image_bytes
    max_stream_bytes: Bytes = Limits().max_stream_bytes
    engine_memory_bytes: Annotated[Size, Field(ge=200_000_000)] = Limits().memory_bytes
    engine_timeout_seconds: Seconds = Limits().hard_seconds

    # How jobs live.
    max_file_age_hours: Hours = 24
    drop_max_age_hours: Annotated[Hours | None, BeforeValidator(lambda value: None if value == "" else value)] = None
    upload_expires_seconds: Annotated[int, Field(ge=1, le=604_800)] = 3_600
    requeue_after_seconds: Count = 900
    lease_seconds: Seconds = 60
    heartbeat_seconds: Seconds = 10
    retry_delay_seconds: Annotated[int, Field(ge=0, le=900)] = 10
    max_receive_count: Annotated[int, Field(ge=1, le=1_000)] = 5
    cleanup_enabled: bool = True

    # The HTTP side.
    allowed_origins: CommaSeparated = []
    allowed_hosts: CommaSeparated = ["localhost", "127.0.0.1", "[::1]", ".on.aws"]
    api_keys: Annotated[list[str], NoDecode, BeforeValidator(_split_keys), Field(repr=False)] = []
    secret_key: Annotated[str, Field(repr=False)] = ""
    health_check_enabled: bool = True
    metrics_enabled: bool = True
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
    ] = "INFO"

    @field_validator("max_request_size")
    @classmethod
    def _holds_one_file(cls, value: int, info: ValidationInfo) -> int:
        one = info.data.get("max_file_size", 0)
        if value < one:
            raise ValueError(f"should be at least MAX_FILE_SIZE, {one:,} bytes, or no such file ever comes in")
        return value

    @field_validator("heartbeat_seconds")
    @classmethod
    def _fits_the_lease(cls, value: float, info: ValidationInfo) -> float:
        lease = info.data.get("lease_seconds", math.inf)
        if value * _HEARTBEATS_IN_A_LEASE > lease:
            raise ValueError(
                f"should be at most a third of LEASE_SECONDS, {lease:g}: a lease must outlive two late heartbeats"
            )
        return value

    @field_validator("s3_public_endpoint_url", "public_base_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not (_is_origin(value.rstrip("/")) or _is_address(value)):
            raise ValueError("should be an address such as https://pdf.example.org")
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: list[str]) -> list[str]:
        if wrong := [item for item in value if item != "*" and not _is_origin(item)]:
            raise ValueError(f"should hold origins such as https://a.example.org, or *; {wrong[0]!r} is none")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, value: list[str]) -> list[str]:
        if wrong := [item for item in value if not re.fullmatch(r"[\w.-]+|\[[0-9a-fA-F:.]+\]", item)]:
            raise ValueError(f"should hold host names without scheme and port; {wrong[0]!r} is none")
        return [item.lower() for item in value]

    @field_validator("api_keys")
    @classmethod
    def _are_strong_keys(cls, value: list[str]) -> list[str]:
        if "" in value:
            raise ValueError("has an empty item; leave it out, or leave API_KEYS empty to ask for no key")
        if not all(re.fullmatch(r"[!-~]+", key) for key in value):
            raise ValueError("should hold keys of visible ASCII characters, without spaces")
        if any(len(key) < KEY_MIN_CHARS for key in value):
            raise ValueError(
                f"should hold keys of at least {KEY_MIN_CHARS} characters, for example from: openssl rand -hex 32"
            )
        if len(set(value)) < len(value):
            raise ValueError("holds a key twice; leave one of them out")
        return value

    @field_validator("secret_key")
    @classmethod
    def _is_strong_or_empty(cls, value: str) -> str:
        if value and len(value) < KEY_MIN_CHARS:
            raise ValueError(
                f"should have at least {KEY_MIN_CHARS} characters, for example from: openssl rand -hex 32 "
                "(or none, which takes no passwords)"
            )
        return value

    def limits(self) -> Limits:
        """The engine's limits. Its soft limit leaves a quarter of the time for writing what it has."""
        return Limits(
            max_pages=self.max_pages,
            max_results_bytes=2 * self.max_request_size,
            max_image_bytes=self.max_image_bytes,
            max_job_image_bytes=self.max_job_image_bytes,
            max_stream_bytes=self.max_stream_bytes,
            memory_bytes=self.engine_memory_bytes,
            soft_seconds=self.engine_timeout_seconds * 0.75,
            hard_seconds=self.engine_timeout_seconds,
        )


def _is_origin(value: str) -> bool:
    """Scheme and host, perhaps a port, and nothing behind them."""
    return re.fullmatch(r"https?://(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?", value) is not None


def _is_address(value: str) -> bool:
    """An http(s) address, perhaps with a path."""
    parts = urlsplit(value)
    return _is_origin(f"{parts.scheme}://{parts.netloc}") and not parts.query and not parts.fragment


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process's environment, with those of ``environ`` over it.

    Raises:
        InvalidSettings: naming every setting that makes no sense, and what to do.
    """
    over = environ or {}
    given: dict[str, Any] = {name: over[name.upper()] for name in Settings.model_fields if name.upper() in over}
    try:
        return Settings(**given)
    except ValidationError as exc:
        lines = [_line(error) for error in exc.errors()]
    raise InvalidSettings("\n".join(["These settings cannot be used:", *lines, _REMEDY]))


def _line(error: Any) -> str:
    """One refused setting: name, value, what is allowed."""
    name = str(error["loc"][0])
    value = "(hidden)" if name in _SECRET else repr(error["input"])[:100]
    allowed = error["msg"].removeprefix("Value error, ").replace("Input should", "should")
    return f"  {name.upper()} is {value}: {allowed}."


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once.

    Where they make no sense the process ends, with the list of what is wrong on standard error and no traceback.
    """
    try:
        return read_settings()
    except InvalidSettings as exc:
        print(f"error: {exc}", file=sys.stderr, flush=True)
        raise SystemExit(_EXIT_CODE) from None
