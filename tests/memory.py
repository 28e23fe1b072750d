"""The ports in memory: adapters for tests, safe to use from many threads, on a clock that tests can move.

They keep what ``jobs.ports`` promises and nothing more is in them; ``tests/contracts`` holds them to it beside the real
ones.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from pdfsmaller import events
from pdfsmaller.access.keys import ApiKey
from pdfsmaller.jobs.bells import HandBell
from pdfsmaller.jobs.change import Change
from pdfsmaller.jobs.figures import Figure
from pdfsmaller.jobs.messages import Backlog, Message
from pdfsmaller.jobs.objects import ObjectInfo, PartInfo, UploadForm
from pdfsmaller.jobs.rows import Place, Row, plain
from pdfsmaller.jobs.states import Status
from pdfsmaller.media import content_disposition

Clock = Callable[[], float]


class MemoryJobStore:
    """``JobStore`` in a dictionary."""

    def __init__(self, clock: Clock = time.time) -> None:
        self.now, self.bell = clock, HandBell
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}
        self._claims: dict[str, tuple[str, float]] = {}
        self._batches: dict[str, tuple[list[str], float]] = {}

    def create(self, row: Row) -> bool:
        with self._lock:
            return self._rows.setdefault(row["job_id"], stored := plain(row)) is stored

    def get(self, job_id: str) -> Row | None:
        with self._lock:
            return deepcopy(self._rows.get(job_id))

    def every(self, status: Status | None = None) -> Iterator[Row]:
        with self._lock:
            rows = deepcopy(list(self._rows.values()))
        return iter([row for row in rows if status in (None, row["status"])])

    def rows(self) -> list[Row]:
        return list(self.every())

    def get_many(self, job_ids: Iterable[str]) -> list[Row]:
        return [row for job_id in dict.fromkeys(job_ids) if (row := self.get(job_id))]

    def change(self, job_id: str, change: Change) -> Row | None:
        with self._lock:
            row = self._rows.get(job_id)
            changed = change.applied_to(row, self.now()) if row else None
            if changed is None:
                return None
            self._rows[job_id] = changed
            return deepcopy(changed)

    def due(self, status: Status) -> Iterator[Row]:
        with self._lock:
            found = sorted((row["due_at"], job_id) for job_id, row in self._rows.items() if row["status"] == status)
        for _, job_id in found:
            row = self.get(job_id)
            if row and row["status"] == status and row["due_at"] <= self.now():
                yield row

    def count(self, status: Status) -> int:
        return sum(row["status"] == status for row in self.rows())

    def owned(self, owner: str, before: Place | None, limit: int) -> list[Row]:
        def place(row: Row) -> Place:
            return row["created_at"], row["job_id"]

        with self._lock:
            found = [row for row in self._rows.values() if row.get("owner") == owner]
            found = [row for row in found if before is None or place(row) < before]
            return deepcopy(sorted(found, key=place, reverse=True)[:limit])

    def claim(self, what: str, job_id: str, *, kept_seconds: float) -> str:
        with self._lock:
            return self._claims.setdefault(what, (job_id, self.now() + kept_seconds))[0]

    def unclaim(self, what: str, job_id: str) -> None:
        with self._lock:
            if self._claims.get(what, ("", 0))[0] == job_id:
                del self._claims[what]

    def claimed_by(self, what: str) -> str | None:
        return self._claims.get(what, (None, 0))[0]

    def create_batch(self, batch_id: str, job_ids: list[str], *, kept_seconds: float) -> None:
        self._batches.setdefault(batch_id, (list(job_ids), self.now() + kept_seconds))

    def batch(self, batch_id: str) -> list[str] | None:
        return self._batches.get(batch_id, (None, 0))[0]

    def forget_old(self) -> int:
        with self._lock:
            now = self.now()
            kept: list[tuple[dict[str, Any], Callable[[Any], float]]] = [
                (self._rows, lambda row: row["ttl"]),
                (self._claims, lambda claim: claim[1]),
                (self._batches, lambda batch: batch[1]),
            ]
            old = [(held, key) for held, until in kept for key, value in held.items() if until(value) < now]
            for held, key in old:
                del held[key]
        return len(old)


class MemoryKeyStore:
    """``KeyStore`` in a dictionary."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}

    def add(self, key: ApiKey) -> bool:
        return self._keys.setdefault(key.key_id, key) is key

    def get(self, key_id: str) -> ApiKey | None:
        return self._keys.get(key_id)

    def all(self) -> list[ApiKey]:
        return sorted(self._keys.values(), key=lambda key: key.created_at)

    def revoke(self, key_id: str, at: float) -> None:
        key = self._keys.get(key_id)
        if key and key.revoked_at is None:
            self._keys[key_id] = replace(key, revoked_at=at)

    def used(self, key_id: str, at: float) -> None:
        if key := self._keys.get(key_id):
            self._keys[key_id] = replace(key, last_used_at=at)


class MemoryFigures:
    """``Figures`` in a dictionary."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def add(self, figures: Iterable[Figure]) -> None:
        with self._lock:
            for figure in figures:
                self._values[_key(figure)] = self._values.get(_key(figure), 0) + figure.value

    def set(self, figure: Figure) -> None:
        with self._lock:
            self._values[_key(figure)] = figure.value

    def all(self) -> list[Figure]:
        with self._lock:
            return [Figure(name, value, dict(labels)) for (name, labels), value in sorted(self._values.items())]


def _key(figure: Figure) -> tuple[str, tuple[tuple[str, str], ...]]:
    return figure.name, tuple(sorted(figure.labels.items()))


@dataclass
class _Letter:
    message: Message
    visible_at: float
    asker: str
    round: int
    dead: bool = False


class MemoryQueue:
    """``WorkQueue`` in a list."""

    def __init__(self, clock: Clock = time.time, *, visibility_seconds: float = 30, max_receive_count: int = 5) -> None:
        self._clock = clock
        self._visibility, self._max_receive_count = visibility_seconds, max_receive_count
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._letters: dict[str, _Letter] = {}

    def announce(self, created: events.ObjectCreated, asker: str = "") -> None:
        self.send(events.s3_event(created), asker)

    def retry_in(self, message: Message, seconds: float) -> None:
        with self._lock:
            letter = self._letters.get(message.message_id)
            if letter and letter.message.receipt_handle == message.receipt_handle:
                letter.visible_at = self._clock() + seconds

    def depth(self) -> dict[str, int]:
        with self._lock:
            live = [letter.visible_at <= self._clock() for letter in self._letters.values() if not letter.dead]
        return {"waiting": live.count(True), "in_flight": live.count(False)}

    def backlog(self) -> Backlog:
        with self._lock:
            now = self._clock()
            waiting = [now - letter.visible_at for letter in self._letters.values() if not letter.dead]
            dead = sum(letter.dead for letter in self._letters.values())
        return Backlog(max([0.0, *waiting]), dead)

    def peek_dead_letters(
        self, *, max_messages: int = 500, max_seconds: float = 30, hold_seconds: int = 60
    ) -> Iterator[Message]:
        with self._lock:
            dead = [letter.message for letter in self._letters.values() if letter.dead]
        ends_at = time.monotonic() + max_seconds
        for message in dead[:max_messages]:
            if time.monotonic() >= ends_at:
                return
            yield message

    # Workers and operators

    def send(self, body: str, asker: str = "", *, dead: bool = False) -> None:
        """Put any text into the queue, or among the dead letters."""
        with self._lock:
            now = self._clock()
            message = Message(uuid.uuid4().hex, "", body, receive_count=0, sent_at=now)
            self._letters[message.message_id] = _Letter(message, now, asker, self._round(now, asker), dead)
            self._arrived.notify_all()

    def _round(self, now: float, asker: str) -> int:
        """The round of an asker's next message: each has one in every round, from the one that is being served on."""
        live = [letter for letter in self._letters.values() if not letter.dead]
        own = [letter.round + 1 for letter in live if letter.asker == asker]
        served = [letter.round for letter in live if letter.visible_at > now]
        waiting = [letter.round for letter in live if letter.visible_at <= now]
        return max([*own, *served, min(waiting, default=0), 0])

    def receive(self) -> Message | None:
        with self._lock:
            now = self._clock()
            for letter in sorted(self._letters.values(), key=lambda letter: (letter.round, letter.visible_at)):
                if letter.dead or letter.visible_at > now:
                    continue
                if letter.message.receive_count >= self._max_receive_count:
                    letter.dead = True
                    continue
                letter.message = replace(
                    letter.message, receipt_handle=uuid.uuid4().hex, receive_count=letter.message.receive_count + 1
                )
                letter.visible_at = now + self._visibility
                return letter.message
        return None

    def acknowledge(self, message: Message) -> None:
        with self._lock:
            letter = self._letters.get(message.message_id)
            if letter and not letter.dead and letter.message.receipt_handle == message.receipt_handle:
                del self._letters[message.message_id]

    def wait(self, seconds: float) -> None:
        with self._arrived:
            self._arrived.wait(seconds)

    def redrive(self, message_id: str | None = None) -> int:
        taken = self._take_dead_letters(message_id)
        for letter in taken:
            self.send(letter.message.body, letter.asker)
        return len(taken)

    def delete_dead_letters(self, message_id: str | None = None) -> int:
        return len(self._take_dead_letters(message_id))

    def _take_dead_letters(self, message_id: str | None) -> list[_Letter]:
        with self._lock:
            dead = [letter for letter in self._letters.values() if letter.dead]
            taken = [letter for letter in dead if message_id in (None, letter.message.message_id)]
            for letter in taken:
                del self._letters[letter.message.message_id]
        return taken


@dataclass(frozen=True)
class _Object:
    data: bytes
    media_type: str
    metadata: dict[str, str]
    modified: float


@dataclass
class _Multipart:
    """An upload in parts that has not ended."""

    bucket: str
    key: str
    media_type: str
    begun: float
    parts: dict[int, bytes] = field(default_factory=dict)


class MemoryStorage:
    """``Storage`` in dictionaries, with what its clients do at the addresses that it hands out."""

    uploads, results = "uploads", "results"
    announces = False
    public_origin = "memory://storage"

    def __init__(self, clock: Clock = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._objects: dict[tuple[str, str], _Object] = {}
        self._multiparts: dict[str, _Multipart] = {}

    def put_file(
        self,
        bucket: str,
        key: str,
        body: IO[bytes] | bytes,
        *,
        media_type: str,
        metadata: dict[str, str] | None = None,
    ) -> None:
        data = body if isinstance(body, bytes) else body.read()
        with self._lock:
            self._objects[bucket, key] = _Object(data, media_type, dict(metadata or {}), self._clock())

    def download(self, bucket: str, key: str, target: Path, *, etag: str | None = None) -> bool:
        found = self._objects.get((bucket, key))
        if found is None or (etag and _etag(found) != etag):
            return False
        target.write_bytes(found.data)
        return True

    def read(self, bucket: str, key: str, *, first: int | None = None) -> bytes | None:
        found = self._objects.get((bucket, key))
        return found.data[:first] if found else None

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        found = self._objects.get((bucket, key))
        return replace(_info(key, found), metadata=dict(found.metadata)) if found else None

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        with self._lock:
            found = {key: item for (where, key), item in self._objects.items() if where == bucket}
        yield from (_info(key, found[key]) for key in sorted(found, key=str.encode) if key.startswith(prefix))

    def copy(self, bucket: str, key: str, target_bucket: str, target_key: str) -> bool:
        with self._lock:
            found = self._objects.get((bucket, key))
            if found:
                self._objects[target_bucket, target_key] = replace(found, modified=self._clock())
        return found is not None

    def delete(self, bucket: str, key: str) -> None:
        with self._lock:
            self._objects.pop((bucket, key), None)

    def abort_unfinished(self, bucket: str, before: float) -> Iterator[bool]:
        for upload_id, upload in [item for item in self._multiparts.items() if item[1].bucket == bucket]:
            stale = upload.begun < before
            if stale:
                del self._multiparts[upload_id]
            yield stale

    def begin_multipart(self, key: str, *, part_bytes: int, media_type: str) -> str:
        upload_id = uuid.uuid4().hex
        self._multiparts[upload_id] = _Multipart(self.uploads, key, media_type, self._clock())
        return upload_id

    def part_link(self, key: str, upload_id: str, number: int, *, size: int, expires_seconds: int) -> str:
        until = self._clock() + expires_seconds
        query = f"upload={upload_id}&number={number}&size={size}&expires={until}"
        return f"{self.public_origin}/{self.uploads}/{quote(key)}?{query}"

    def list_parts(self, key: str, upload_id: str) -> list[PartInfo] | None:
        upload = self._multiparts.get(upload_id)
        if upload is None:
            return None
        return [PartInfo(n, len(data), hashlib.md5(data).hexdigest()) for n, data in sorted(upload.parts.items())]

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[PartInfo]) -> bool:
        with self._lock:
            came = self.list_parts(key, upload_id)
            if not came or came != [*parts]:
                return False
            upload = self._multiparts.pop(upload_id)
            data = b"".join(upload.parts[part.number] for part in parts)
            self._objects[self.uploads, key] = _Object(data, upload.media_type, {}, self._clock())
        return True

    def abort_multipart(self, key: str, upload_id: str) -> None:
        self._multiparts.pop(upload_id, None)

    def upload_form(self, key: str, *, max_bytes: int, expires_seconds: int, media_type: str) -> UploadForm:
        policy = {"max_bytes": max_bytes, "expires": self._clock() + expires_seconds, "key": key}
        encoded = base64.b64encode(json.dumps(policy).encode()).decode()
        fields = {"key": key, "Content-Type": media_type, "policy": encoded}
        return UploadForm(f"{self.public_origin}/{self.uploads}", fields)

    def download_link(self, key: str, *, file_name: str, media_type: str, expires_seconds: int) -> str:
        until = self._clock() + expires_seconds
        query = f"expires={until}&name={quote(file_name, safe='')}&type={quote(media_type, safe='')}"
        return f"{self.public_origin}/{self.results}/{quote(key)}?{query}"

    def used_ratio(self) -> float | None:
        return None

    def is_full(self) -> bool:
        return False

    def probe(self, bucket: str) -> None:
        if bucket not in (self.uploads, self.results):
            raise LookupError(bucket)

    # Clients

    def begin_upload(self, bucket: str, key: str) -> None:
        """Begin an upload in parts, and leave it at that."""
        self._multiparts[uuid.uuid4().hex] = _Multipart(bucket, key, "", self._clock())

    def send_part(self, url: str, data: bytes) -> tuple[int, bytes, dict[str, str]]:
        """PUT a part's bytes to its link; status, body, headers."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        upload = self._multiparts.get(asked["upload"])
        if upload is None or float(asked["expires"]) < self._clock():
            return 403, b"", {}
        if len(data) != int(asked["size"]):
            return 400, b"", {}
        upload.parts[int(asked["number"])] = data
        return 200, b"", {"ETag": f'"{hashlib.md5(data).hexdigest()}"'}

    def send_form(self, form: UploadForm, data: bytes, **changed: str) -> int:
        """POST a form as a browser does; the answer's status."""
        fields = form.fields | changed
        policy = json.loads(base64.b64decode(fields["policy"]))
        if fields["key"] != policy["key"] or policy["expires"] < self._clock():
            return 403
        if not 1 <= len(data) <= policy["max_bytes"]:
            return 400
        self.put_file(self.uploads, fields["key"], data, media_type=fields["Content-Type"])
        return 204

    def open_link(self, url: str, byte_range: str | None = None) -> tuple[int, bytes, dict[str, str]]:
        """GET a link, perhaps ``bytes=first-last`` of it; status, body, headers."""
        parts = urlsplit(url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        data = self.read(self.results, unquote(parts.path.removeprefix(f"/{self.results}/")))
        if float(asked["expires"]) < self._clock():
            return 403, b"", {}
        if data is None:
            return 404, b"", {}
        headers = {"Content-Type": asked["type"], "Content-Disposition": content_disposition(asked["name"])}
        if not byte_range:
            return 200, data, headers
        first, _, last = byte_range.removeprefix("bytes=").partition("-")
        return 206, data[int(first) : int(last) + 1 if last else None], headers


def _etag(item: _Object) -> str:
    return hashlib.md5(item.data).hexdigest()


def _info(key: str, item: _Object) -> ObjectInfo:
    return ObjectInfo(key, len(item.data), _etag(item), item.modified)


@contextmanager
def away(adapter: Any, *methods: str) -> Iterator[None]:
    """Within it these methods of an adapter do what they should, and lose the answer."""
    from pdfsmaller.errors import StoreUnavailable

    def losing(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            method(*args, **kwargs)
            raise StoreUnavailable("the answer was lost")

        return call

    for name in methods:
        setattr(adapter, name, losing(getattr(adapter, name)))
    try:
        yield
    finally:
        for name in methods:
            delattr(adapter, name)
