"""The one settings class, and the home of each setting: its name, default, bounds and meaning.

Every field is an environment variable of the same name in capitals. ``.env.example`` is made from here (``make docs``);
the parameters of ``template.yaml`` are checked against it.

AWS endpoints and credentials are boto3's own business (``AWS_ENDPOINT_URL``, ``AWS_REGION`` …) and are not repeated
here.
"""

from __future__ import annotations

import base64
import ipaddress
import math
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pdfsmaller.access.addresses import TrustedProxies
from pdfsmaller.access.rates import parse_rates
from pdfsmaller.engine.units import parse_size
from pdfsmaller.errors import InvalidSettings
from pdfsmaller.limits import Limits

#: Shorter keys can be guessed; template.yaml asks for the same.
KEY_MIN_CHARS = 20
#: A lease must outlive some heartbeats that come late or are lost.
_HEARTBEATS_IN_A_LEASE = 3
#: gunicorn ends when a worker exits with this (its APP_LOAD_ERROR), instead of starting another one for ever.
_EXIT_CODE = 4
#: Of a SECRET_KEY that stands in some example, in small letters and without what parts its words.
_OF_EXAMPLES = re.compile(
    r"change(me|this|it)|replace(me|this|with)|(your|my|the|dev|test|default|example|sample|super|django|flask)secret"
    r"|secretkey|yourkey|insecure|notsosecret|topsecret"
)
#: The one of deploy/env/.env.development.
DEVELOPMENT_KEY = "development-only-on-this-machine"
_REMEDY = "Correct them in the environment, in .env or among the stack's parameters; .env.example explains each."

Size = Annotated[int, BeforeValidator(parse_size)]
NonEmptyOrNone = Annotated[str | None, BeforeValidator(lambda value: value or None)]


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _rates(value: str) -> str:
    if not parse_rates(value):
        raise ValueError("should be such as 100 per hour; RATE_LIMIT_ENABLED=false sets no limit")
    return value


def _proxies(value: str) -> str:
    TrustedProxies.parse(value)
    return value


def _is_token(value: str) -> str:
    if value and (len(value) < KEY_MIN_CHARS or not re.fullmatch(r"[\x21-\x7e]+", value)):
        raise ValueError(
            f"should have at least {KEY_MIN_CHARS} characters, none of them a space or beyond ASCII, for example from: "
            "openssl rand -hex 32"
        )
    return value


def _bucket_url(value: str) -> str:
    if value and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{2,62}(/.*)?", value):
        raise ValueError("should be such as s3://bucket/prefix")
    return value


def _mail_addresses(value: str) -> str:
    if wrong := [one for one in _split(value) if not re.fullmatch(r"[^@\s,<>]+@[\w.-]+", one)]:
        raise ValueError(f"should hold addresses such as operators@example.org; {wrong[0]!r} is none")
    return value


CommaSeparated = Annotated[list[str], NoDecode, BeforeValidator(_split)]
Count = Annotated[int, Field(ge=1)]
Bytes = Annotated[Size, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Hours = Annotated[float, Field(gt=0, allow_inf_nan=False)]
CountOrNone = Annotated[Count | None, BeforeValidator(lambda value: None if value == "" else value)]


#: What ``json_schema_extra`` says of a setting that only a server of one's own has.
OWN_SERVER: dict[str, Any] = {"own_server": True}


def _field(default: Any, description: str, *, secret: bool = False) -> Any:
    """A setting: what it is when it is not set, and what it means, with its unit, in words for who sets it.

    The first sentence holds wherever it is set; template.yaml repeats it (tests/test_settings_homes.py).
    """
    return Field(default=default, description=description, repr=not secret)


def _own_server(default: Any, description: str, *, secret: bool = False, names: tuple[str, ...] = ()) -> Any:
    """As ``_field``, for a setting that template.yaml does not have: on AWS there is nothing that it could set.

    Args:
        names: where several variables set it, all of them; the first that is set counts.
    """
    return Field(
        default=default,
        description=description,
        repr=not secret,
        json_schema_extra=OWN_SERVER,
        validation_alias=AliasChoices(*names) if names else None,
    )


class Settings(BaseSettings):
    """What an operator can set. Sizes take bytes or ``500KB``, ``100MB`` (powers of 1,000)."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    # Where things are. The names are those of a stack on an emulator.
    uploads_bucket: str = _field("pdfsmaller-uploads", "The bucket that files and drops come in by.")
    results_bucket: str = _field("pdfsmaller-results", "The bucket that results go out by.")
    compress_queue_url: str = _field("", "Address of the SQS queue that jobs wait in.")
    dead_letter_queue_url: str = _field("", "Address of the SQS queue of messages whose every delivery failed.")
    callback_queue_url: str = _field("", "Address of the SQS queue of ends that are told to a `callback_url`.")
    jobs_table: str = _field("pdfsmaller-jobs", "The DynamoDB table of jobs.")
    s3_public_endpoint_url: NonEmptyOrNone = _field(
        None,
        "The buckets' endpoint as a browser reaches it, for presigned forms and downloads. Empty: the one of boto3.",
    )
    public_base_url: NonEmptyOrNone = _field(
        None, "The service's own address as callers see it, for the links in its answers. Empty: that of each request."
    )

    # A server of one's own.
    database_url: str = _own_server(
        "",
        "The database of jobs and messages on a server of one's own: `sqlite:////srv/pdfsmaller/jobs.db` (one host) or "
        "`postgresql://user:password@host/name` (any number). Empty: they are in DynamoDB and SQS.",
        secret=True,
    )
    database_pool_size: Count = _own_server(
        3,
        "Connections to the database that each process keeps open. PostgreSQL's max_connections is for all of them.",
    )
    database_max_overflow: Annotated[int, Field(ge=0)] = _own_server(
        5, "Connections to the database that each process opens beside, while all of DATABASE_POOL_SIZE are in use."
    )
    database_pool_recycle_seconds: Seconds = _own_server(
        1_800, "Seconds after which a connection to the database is opened anew."
    )
    database_pool_pre_ping: bool = _own_server(
        True,
        "Whether a connection to PostgreSQL is tried before it is used. It costs a round trip, and spares the error of "
        "one that was cut.",
    )
    storage_url: str = _own_server(
        "",
        "Where files are kept on a server of one's own: a folder, or `s3://` for UPLOADS_BUCKET and RESULTS_BUCKET in "
        "a store that speaks S3. Also called UPLOAD_FOLDER.",
        names=("storage_url", "upload_folder"),
    )

    storage_max_bytes: Annotated[Bytes | None, BeforeValidator(lambda value: None if value == "" else value)] = (
        _own_server(None, "How much a folder of files may hold in all, in bytes. Empty: as much as its disk.")
    )
    storage_full_percent: Annotated[float, Field(gt=0, le=100)] = _own_server(
        90,
        "The share of STORAGE_MAX_BYTES, and of the disk under a folder of files, in percent, at which no new job is "
        "taken (507). Those that run finish.",
    )
    x_accel_prefix: str = _own_server(
        "",
        "Where nginx, before the service, has the folder of files as an internal location, for example `/stored`: "
        "downloads are then sent by nginx (X-Accel-Redirect), whose user must be in the service's group. Empty: the "
        "service sends them itself.",
    )
    host: str = _own_server("127.0.0.1", "The address that the page and the API listen on; `0.0.0.0` for all.")
    port: Annotated[int, Field(ge=0, le=65_535)] = _own_server(8_080, "Their port.")
    workers: CountOrNone = _own_server(
        None, "Processes that answer for the page and the API. Empty: one for each processor, up to four."
    )
    worker_concurrency: CountOrNone = _own_server(
        None, "Jobs that one `pdfsmaller worker` or `serve` runs at a time. Empty: one for each processor."
    )
    log_file: NonEmptyOrNone = _own_server(
        None, "The file that the processes of a server of one's own log to. Empty: they log to standard error."
    )
    log_max_bytes: Annotated[Size, Field(ge=0)] = _own_server(
        10_000_000,
        "How large LOG_FILE gets before a new one is begun, in bytes. 0: something else changes it, such as logrotate.",
    )
    log_backup_count: Count = _own_server(5, "Earlier log files that are kept, as LOG_FILE.1 and so on.")
    debug: bool = _own_server(
        False,
        "Whether everything is logged, whatever LOG_LEVEL says, with the process and thread that wrote it; `pdfsmaller "
        "serve` then logs requests too. It changes nothing that callers see.",
    )

    backup_dir: str = _own_server(
        "",
        "The folder that `pdfsmaller admin backup` writes into, best on another disk. Empty: `backups` in the folder "
        "of --data.",
    )
    backup_keep_days: Annotated[int, Field(ge=1)] = _own_server(
        7, "Days after which a backup in BACKUP_DIR is deleted, once a newer one was made and checked."
    )
    backup_upload_url: Annotated[str, AfterValidator(_bucket_url)] = _own_server(
        "",
        "Where each backup is copied to as well, for example `s3://bucket/prefix`, with boto3's own settings. What is "
        "there is not deleted: the bucket's lifecycle rules do that. Empty: nowhere.",
    )

    doctor_mail: Annotated[str, AfterValidator(_mail_addresses)] = _own_server(
        "",
        "Who gets a mail from `pdfsmaller doctor --notify` when something has failed, or is well again: addresses, "
        "comma-separated. Needs a sendmail on the host. Empty: nobody.",
    )
    alertmanager_url: NonEmptyOrNone = _own_server(
        None,
        "Where `pdfsmaller doctor --notify` sends alerts, for example `http://127.0.0.1:9093`: an Alertmanager of "
        "Prometheus. Empty: nowhere.",
    )

    # What one request or document may cost.
    max_file_size: Bytes = _field(100_000_000, "The largest file taken, in bytes.")
    max_files: Annotated[int, Field(ge=1, le=100)] = _field(100, "Files in one request.")
    max_request_size: Bytes = _field(500_000_000, "All files of one request, or of one job, together, in bytes.")
    max_inline_result_size: Annotated[Size, Field(ge=0)] = _field(
        4_000_000,
        "The largest result answered as it is, in bytes; larger ones are answered by a redirect to the bucket. A "
        "Lambda answer holds about 4.5 MB.",
    )
    max_wait_seconds: Annotated[int, Field(ge=0, le=60)] = _field(
        60, "The longest wait granted to `Prefer: wait=N`, in seconds."
    )
    default_wait_seconds: Annotated[int, Field(ge=0, le=60)] = _field(
        30,
        "How long a caller waits who takes the file itself and asks for nothing else, in seconds; at most "
        "MAX_WAIT_SECONDS. 0: such a caller too is answered at once, with the job.",
    )
    max_pages: Count = _field(Limits().max_pages, "Pages in one PDF.")
    max_image_bytes: Bytes = _field(
        Limits().max_image_bytes,
        "One image, decoded, in bytes: one for each component of a pixel. In a PDF a larger one stays as it is; as an "
        "input of its own it is refused.",
    )
    max_job_image_bytes: Bytes = _field(
        Limits().max_job_image_bytes, "All image files of one job, decoded, in bytes, counted in the same way."
    )
    max_stream_bytes: Bytes = _field(Limits().max_stream_bytes, "One stream of a PDF, decoded, in bytes.")
    engine_memory_bytes: Annotated[Size, Field(ge=200_000_000)] = _field(
        Limits().memory_bytes, "Address space of the engine's process, in bytes."
    )
    engine_timeout_seconds: Seconds = _field(
        Limits().hard_seconds,
        "Seconds after which the engine's process is killed. It begins to finish at three quarters of them.",
    )

    # How jobs live.
    max_file_age_hours: Hours = _field(24, "Hours after its end at which a job's files are deleted.")
    drop_max_age_hours: Annotated[Hours | None, BeforeValidator(lambda value: None if value == "" else value)] = _field(
        None, "Hours after which drops (inbox/) and what became of them (inbox/, errors/) are deleted. Empty: never."
    )
    upload_expires_seconds: Annotated[int, Field(ge=1, le=604_800)] = _field(
        3_600,
        "Seconds within which a presigned upload must begin. One under way has as long again to arrive, at most 15 "
        "minutes. The parts of a large file may come for a day, by fresh links.",
    )
    requeue_after_seconds: Count = _field(
        900, "Seconds after which a queued job that no worker took is announced again."
    )
    lease_seconds: Seconds = _field(60, "Seconds that a worker owns its job without a sign of life.")
    heartbeat_seconds: Seconds = _field(
        10, "Seconds between a worker's signs of life. At most a third of LEASE_SECONDS."
    )
    retry_delay_seconds: Annotated[int, Field(ge=0, le=900)] = _field(
        10, "Seconds before a failed attempt is tried again. They double with every further one."
    )
    max_receive_count: Annotated[int, Field(ge=1, le=1_000)] = _field(
        5, "Attempts that a job has, whatever announces it. The queue gives up a message after as many deliveries."
    )
    cleanup_enabled: bool = _field(
        True, "Whether cleanup deletes. false: it still announces jobs again and fails what cannot go on."
    )

    # The HTTP side.
    allowed_origins: CommaSeparated = _field(
        [], "Origins of other sites' pages that may call the API, comma-separated, without a slash at their end."
    )
    allowed_hosts: CommaSeparated = _field(
        ["localhost", "127.0.0.1", "[::1]", ".on.aws"],
        "Hosts that the links in answers may name, comma-separated (.a.example: all below it). For requests to any "
        "other, links are paths. Not needed with PUBLIC_BASE_URL.",
    )
    api_keys_required: bool = _field(
        False,
        "Whether callers must send an API key. It goes as `X-Api-Key` or `Authorization: Bearer`; `pdfsmaller keys "
        "create` makes one. false: one that is sent is heeded all the same.",
    )
    rate_limit_enabled: bool = _field(
        False,
        "Whether RATE_LIMIT_DEFAULT holds. A limit that a key has of its own (`pdfsmaller keys create --rate-limit`) "
        "holds in any case.",
    )
    rate_limit_default: Annotated[str, AfterValidator(_rates)] = _field(
        "100 per hour",
        "New jobs that each API key, or each client address without one, may make; several limits as `200 per day;50 "
        "per hour`. An IPv6 address counts with its /64.",
    )
    trusted_proxies: Annotated[str, AfterValidator(_proxies)] = _field(
        "",
        "Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: their networks, comma-separated "
        "(10.0.0.0/8), or how many stand before the service. Empty: none is.",
    )
    secret_key: str = _field(
        "",
        f"Encrypts the passwords of PDFs while their jobs run: {KEY_MIN_CHARS} random characters or more, for example "
        "from `openssl rand -hex 32`. Empty: no password is taken. It signs the forms and links of a folder of files "
        "(STORAGE_URL), and links that need no API key, too. `make local` and `pdfsmaller serve` make a key of their "
        "own.",
        secret=True,
    )
    security_headers_enabled: bool = _field(
        True,
        "Whether answers carry the headers that browsers are kept safe by. false: a proxy before the service does it.",
    )
    webhook_secret: str = _field(
        "",
        "Signs what is sent to a `callback_url`: `whsec_` and the base64 of 24 to 64 random bytes, for example from "
        "`echo whsec_$(openssl rand -base64 32)`. Those of API keys are derived from it. Empty: all are derived from "
        "SECRET_KEY, without which no `callback_url` is taken. `pdfsmaller webhooks secret` shows them.",
        secret=True,
    )
    webhook_allow_http: bool = _field(False, "Whether a `callback_url` may begin with http://, unencrypted.")
    webhook_allowed_networks: CommaSeparated = _field(
        [],
        "Networks that a `callback_url` may lead to beside the public internet, comma-separated, for example "
        "10.0.0.0/8,fd00::/8. Whoever may send jobs can then have requests sent there.",
    )
    health_check_enabled: bool = _field(
        True, "Whether the health check looks at buckets, table and queue. false: it says that the service is there."
    )
    metrics_enabled: bool = _field(
        True,
        "Whether figures are counted, and `GET /metrics` shows them. On Lambda they go to CloudWatch, which bills each "
        "that occurs: some dozens.",
    )
    metrics_token: Annotated[str, AfterValidator(_is_token)] = _field(
        "",
        f"What `GET /metrics` must be sent as `Authorization: Bearer`: {KEY_MIN_CHARS} characters or more, for example "
        "from `openssl rand -hex 32`. `GET /health` tells who sends it how each part is. Empty: whoever reaches it "
        "sees it.",
        secret=True,
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
    ] = _field("INFO", "The lowest level that is logged: DEBUG, INFO, WARNING, ERROR or CRITICAL.")

    audit_file_names: bool = _field(
        False, "Whether the audit, a line of the log at each job's beginning and end, names its files."
    )

    @field_validator("database_url")
    @classmethod
    def _is_one_database(cls, value: str, info: ValidationInfo) -> str:
        if value and info.data.get("compress_queue_url"):
            raise ValueError("should be empty where COMPRESS_QUEUE_URL is set: jobs are either on AWS or in a database")
        if value and not re.match(r"(sqlite|postgresql)://", value):
            raise ValueError("should begin with sqlite:// or postgresql://")
        return value

    @field_validator("storage_url")
    @classmethod
    def _goes_with_the_database(cls, value: str, info: ValidationInfo) -> str:
        if "database_url" in info.data and bool(value) is not bool(info.data["database_url"]):
            raise ValueError("should be set where DATABASE_URL is, and nowhere else: jobs and files go together")
        return value

    @field_validator("x_accel_prefix")
    @classmethod
    def _is_location(cls, value: str) -> str:
        if value and not re.fullmatch(r"(/[\w.-]+)+/?", value):
            raise ValueError("should be a path such as /stored")
        return value

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

    @field_validator("s3_public_endpoint_url", "public_base_url", "alertmanager_url")
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

    @field_validator("secret_key")
    @classmethod
    def _is_strong_or_empty(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.data.get("api_keys_required"):
            raise ValueError(
                "should be set where API_KEYS_REQUIRED is, to sign the links that browsers follow without a key, for "
                "example from: openssl rand -hex 32"
            )
        if not value and info.data.get("storage_url") and not info.data["storage_url"].startswith("s3://"):
            raise ValueError(
                "should be set where files are in a folder (STORAGE_URL), whose forms and links it signs, for example "
                "from: openssl rand -hex 32"
            )
        if value and len(value) < KEY_MIN_CHARS:
            raise ValueError(
                f"should have at least {KEY_MIN_CHARS} characters, for example from: openssl rand -hex 32 "
                "(or none, which takes no passwords)"
            )
        if _OF_EXAMPLES.search(re.sub(r"[^a-z]", "", value.lower())):
            raise ValueError("should be none that stands in an example; make one with: openssl rand -hex 32")
        if value == DEVELOPMENT_KEY and not info.data.get("debug"):
            raise ValueError("is for development alone (DEBUG=true); make one of your own with: openssl rand -hex 32")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _signs(cls, value: str) -> str:
        if value:
            try:
                key = base64.b64decode(value.removeprefix("whsec_"), validate=True)
            except ValueError:
                key = b""
            if not value.startswith("whsec_") or not 24 <= len(key) <= 64:
                raise ValueError("should be whsec_ and the base64 of 24 to 64 bytes")
        return value

    @field_validator("webhook_allowed_networks")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for item in value:
            try:
                ipaddress.ip_network(item)
            except ValueError as exc:
                raise ValueError(f"should hold networks such as 10.0.0.0/8; {exc}") from None
        return value

    def webhook_networks(self) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        """WEBHOOK_ALLOWED_NETWORKS."""
        return [ipaddress.ip_network(item) for item in self.webhook_allowed_networks]

    @property
    def lowest_level(self) -> str:
        """LOG_LEVEL, unless DEBUG goes before it."""
        return "DEBUG" if self.debug else self.log_level

    def limits(self) -> Limits:
        """The engine's limits."""
        return Limits(
            max_pages=self.max_pages,
            max_results_bytes=2 * self.max_request_size,
            max_image_bytes=self.max_image_bytes,
            max_job_image_bytes=self.max_job_image_bytes,
            max_stream_bytes=self.max_stream_bytes,
            memory_bytes=self.engine_memory_bytes,
        ).within(self.engine_timeout_seconds)


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
    value = repr(error["input"])[:100] if Settings.model_fields[name].repr else "(hidden)"
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
