"""Files in a folder of this host.

An object is two files beside each other (``names``): its bytes, which never change once they are written, under a name
that no other writing has; and its facts, which name them. Both are on the disk before the facts take their name, in one
step: that is when the object appears, or takes another's place. A process that dies before leaves bytes that no facts
name: nobody sees them, and ``abort_unfinished`` removes them.

All is for the service's own user, but for what a web server of the service's group is to send (``group_reads``), and no
symbolic link below the store's folder is followed.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from pdfsmaller.errors import UploadClosed, WrongPartSize
from pdfsmaller.jobs.objects import (
    FILES_PATH,
    FormGrant,
    LinkGrant,
    ObjectInfo,
    PartGrant,
    PartInfo,
    ServedFile,
    UploadForm,
)
from pdfsmaller.server.folder import facts, multipart, names, search
from pdfsmaller.server.folder.branch import Branch, alone, open_bucket
from pdfsmaller.server.folder.facts import Facts
from pdfsmaller.server.folder.signed import Signatures
from pdfsmaller.server.folder.trouble import told
from pdfsmaller.server.folder.usage import Usage

_CHUNK_BYTES = 1 << 20
_FOLDER_MODE = 0o700
#: Of what the group may read: a folder on the way to it, which it may go through and not list, and the file.
_WAY_MODE, _READ_MODE = 0o710, 0o640
#: How often folders are made that somebody else, who empties them, removes again; then something else must be wrong.
_MAKINGS = 1_000

#: Lays an object's bytes under a name in a folder, down to the disk; how many they are.
_Lay = Callable[[str, int], int]


class FolderStorage:
    """``ServedStorage`` in the folder ``root``, which is made where it is not there.

    Args:
        secret_key: signs forms and links; the same in every process that hands out or takes some.
        max_bytes: how much may be kept in all; None for what the disk holds.
        full_percent: at how much of that no new job is taken.
        group_reads: whether the service's group may read what links were opened to: a web server that sends it.
        clock: seconds since the epoch, for the time of forms and links.

    Raises:
        StoreUnavailable, DiskFull: the folder cannot be made.
    """

    uploads, results = "uploads", "results"
    announces = False
    public_origin = ""

    def __init__(
        self,
        root: Path,
        secret_key: str,
        *,
        max_bytes: int | None = None,
        full_percent: float = 90,
        group_reads: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._root = root.absolute()
        self._signatures = Signatures(secret_key, clock)
        self._usage = Usage(self._root, max_bytes, full_percent)
        self._group_reads = group_reads
        with told():
            for folder in (self._root, self._root / self.uploads, self._root / self.results):
                folder.mkdir(_FOLDER_MODE, parents=True, exist_ok=True)

    # Writing

    def put_file(
        self,
        bucket: str,
        key: str,
        body: IO[bytes] | bytes,
        *,
        media_type: str,
        metadata: dict[str, str] | None = None,
    ) -> None:
        source = io.BytesIO(body) if isinstance(body, bytes) else body
        self._put(bucket, key, lambda name, folder: _write(source, name, folder), media_type, metadata or {})

    def copy(self, bucket: str, key: str, target_bucket: str, target_key: str) -> bool:
        """See ``Storage``. The bytes are one file with two names where the file system can do that."""
        found = self._open(bucket, key)
        if found is None:
            return False
        source, known = found
        with source:
            self._put(
                target_bucket,
                target_key,
                lambda name, folder: _link(source, name, folder),
                known.media_type,
                known.metadata,
            )
        return True

    def delete(self, bucket: str, key: str) -> None:
        *folders, stem = names.path_of(key)
        with told(), suppress(FileNotFoundError), Branch(self._bucket(bucket), folders) as branch:
            with alone(branch.folder):
                former = facts.read(stem, branch.folder)
                os.unlink(stem + names.FACTS, dir_fd=branch.folder)
            if former:
                _remove(names.data_of(stem, former.token), branch.folder)
                multipart.forget(stem, former.token, branch.folder)
            branch.prune()

    def abort_unfinished(self, bucket: str, before: float) -> Iterator[bool]:
        """See ``Storage``. Folders that a process made and died before it put something into them go as well."""
        with told(), self._opened(bucket) as folder:
            yield from search.unfinished(folder, before)

    # In parts

    def begin_multipart(self, key: str, *, part_bytes: int, media_type: str) -> str:
        *folders, stem = names.path_of(key)
        token = uuid.uuid4().hex
        with told():
            branch, target = self._place(self.uploads, folders, names.parts_of(stem, token))
            with branch, os.fdopen(target, "wb") as file:
                multipart.begin(file, part_bytes, media_type, stem, token, branch.folder)
                branch.sync_made()
                os.fsync(branch.folder)
        return token

    def part_link(self, key: str, upload_id: str, number: int, *, size: int, expires_seconds: int) -> str:
        token = self._signatures.part(PartGrant(key, upload_id, number, size), expires_seconds)
        return f"{FILES_PATH}/{self.uploads}/{token}"

    def open_part(self, token: str) -> PartGrant:
        return self._signatures.in_part(token)

    def put_part(self, grant: PartGrant, body: IO[bytes]) -> str:
        """See ``ServedStorage``. The part is written beside the object's bytes first: only one that came whole gets in,
        and one that comes slowly keeps nobody waiting.
        """
        *folders, stem = names.path_of(grant.key)
        token = uuid.uuid4().hex
        with told(), suppress(FileNotFoundError), Branch(self._bucket(self.uploads), folders) as branch:
            own = names.data_of(stem, token)
            try:
                with os.fdopen(facts.create(own, branch.folder), "wb") as file:
                    _take(body, file, grant.bytes)
                part = PartInfo(grant.number, grant.bytes, token)
                with os.fdopen(facts.open_to_read(own, branch.folder), "rb") as source, alone(branch.folder):
                    if upload := multipart.read(stem, grant.upload_id, branch.folder):
                        multipart.fill(part, source, upload, stem, grant.upload_id, branch.folder)
                        return token
            finally:
                _remove(own, branch.folder)
        raise UploadClosed("The upload has ended, or was given up. Begin a new one (POST /api/uploads).")

    def list_parts(self, key: str, upload_id: str) -> Sequence[PartInfo] | None:
        *folders, stem = names.path_of(key)
        with told(), suppress(FileNotFoundError), Branch(self._bucket(self.uploads), folders) as branch:
            upload = multipart.read(stem, upload_id, branch.folder)
            return upload.parts if upload else None
        return None

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[PartInfo]) -> bool:
        """See ``Storage``. Nothing is copied: the bytes get their facts."""
        *folders, stem = names.path_of(key)
        new = names.new_of(stem, upload_id)
        with told(), suppress(FileNotFoundError), Branch(self._bucket(self.uploads), folders) as branch:
            with alone(branch.folder):
                upload = multipart.read(stem, upload_id, branch.folder)
                if upload is None or not upload.is_whole() or upload.parts != list(parts):
                    return False
                size = multipart.close(upload.parts, stem, upload_id, branch.folder)
                _remove(new, branch.folder)  # of one that died here
                with os.fdopen(facts.create(new, branch.folder), "wb") as file:
                    facts.write(file, Facts(upload_id, size, upload.media_type))
                former = facts.read(stem, branch.folder)
                os.rename(new, stem + names.FACTS, src_dir_fd=branch.folder, dst_dir_fd=branch.folder)
            os.fsync(branch.folder)
            multipart.forget(stem, upload_id, branch.folder)
            if former:
                _remove(names.data_of(stem, former.token), branch.folder)
            return True
        return False

    def abort_multipart(self, key: str, upload_id: str) -> None:
        *folders, stem = names.path_of(key)
        with told(), suppress(FileNotFoundError), Branch(self._bucket(self.uploads), folders) as branch:
            with alone(branch.folder):
                if multipart.read(stem, upload_id, branch.folder) is None:
                    return
                multipart.forget(stem, upload_id, branch.folder)
            _remove(names.data_of(stem, upload_id), branch.folder)
            branch.prune()

    # Reading

    def download(self, bucket: str, key: str, target: Path, *, etag: str | None = None) -> bool:
        found = self._open(bucket, key)
        if found is None:
            return False
        source, known = found
        with told(), source:
            if etag and known.token != etag:
                return False
            with target.open("wb") as copy:
                shutil.copyfileobj(source, copy, _CHUNK_BYTES)
        return True

    def read(self, bucket: str, key: str, *, first: int | None = None) -> bytes | None:
        found = self._open(bucket, key)
        if found is None:
            return None
        with told(), found[0] as source:
            return source.read(-1 if first is None else first)

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        *folders, stem = names.path_of(key)
        with told(), suppress(FileNotFoundError), Branch(self._bucket(bucket), folders) as branch:
            known = facts.read(stem, branch.folder)
            return known.info(key) if known else None
        return None

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        with told(), self._opened(bucket) as folder:
            yield from search.objects(folder, prefix.encode())

    # Forms and links

    def upload_form(self, key: str, *, max_bytes: int, expires_seconds: int, media_type: str) -> UploadForm:
        fields = self._signatures.form(FormGrant(key, max_bytes, media_type), expires_seconds)
        return UploadForm(f"{FILES_PATH}/{self.uploads}", fields)

    def open_form(self, fields: Mapping[str, str]) -> FormGrant:
        return self._signatures.in_form(fields)

    def download_link(self, key: str, *, file_name: str, media_type: str, expires_seconds: int) -> str:
        token = self._signatures.link(LinkGrant(key, file_name, media_type), expires_seconds)
        return f"{FILES_PATH}/{self.results}/{token}"

    def open_link(self, token: str) -> ServedFile | None:
        grant = self._signatures.in_link(token)
        found = self._open(self.results, grant.key)
        if found is None:
            return None
        source, known = found
        *folders, stem = names.path_of(grant.key)
        if self._group_reads:
            with told(), suppress(PermissionError, FileNotFoundError):
                self._let_group_read(source, folders)
        path = "/".join([self.results, *folders, names.data_of(stem, known.token)])
        return ServedFile(source, path, known.info(grant.key), grant)

    # The folder itself

    def used_ratio(self) -> float | None:
        with told():
            return self._usage.ratio()

    def is_full(self) -> bool:
        with told():
            return self._usage.is_full()

    def probe(self, bucket: str) -> None:
        """Write something, which a folder that can be read may still refuse."""
        name = names.new_of("", uuid.uuid4().hex)
        with told(), self._opened(bucket) as folder:
            os.close(facts.create(name, folder))
            os.unlink(name, dir_fd=folder)

    # How it is done

    def _bucket(self, bucket: str) -> int:
        """A descriptor of a bucket's folder. It is never made anew: its disk may just not be mounted."""
        if bucket not in (self.uploads, self.results):
            raise LookupError(f"There is no bucket {bucket!r}.")
        with told():
            return open_bucket(self._root / bucket)

    @contextmanager
    def _opened(self, bucket: str) -> Iterator[int]:
        folder = self._bucket(bucket)
        try:
            yield folder
        finally:
            os.close(folder)

    def _put(self, bucket: str, key: str, lay: _Lay, media_type: str, metadata: dict[str, str]) -> None:
        *folders, stem = names.path_of(key)
        token = uuid.uuid4().hex
        new = names.new_of(stem, token)
        with told():
            branch, target = self._place(bucket, folders, new)
            with branch, os.fdopen(target, "wb") as file:
                try:
                    size = lay(names.data_of(stem, token), branch.folder)
                    branch.sync_made()
                    facts.write(file, Facts(token, size, media_type, metadata))
                    with alone(branch.folder):
                        former = facts.read(stem, branch.folder)
                        os.rename(new, stem + names.FACTS, src_dir_fd=branch.folder, dst_dir_fd=branch.folder)
                except BaseException:
                    _undo(stem, token, branch)
                    raise
                os.fsync(branch.folder)
                if former:
                    _remove(names.data_of(stem, former.token), branch.folder)

    def _place(self, bucket: str, folders: Sequence[str], new: str) -> tuple[Branch, int]:
        """The folder at the end of ``folders``, made where it is not there, with a new file in it that keeps it."""
        for _ in range(_MAKINGS):
            with suppress(FileNotFoundError):
                branch = Branch(self._bucket(bucket), folders, make=True)
                try:
                    return branch, facts.create(new, branch.folder)
                except BaseException:
                    with branch, suppress(OSError):
                        branch.prune()
                    raise
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _let_group_read(self, source: BinaryIO, folders: Sequence[str]) -> None:
        """Let the group read an open result, whenever and by whatever way it came here."""
        self._root.chmod(_WAY_MODE)
        for depth in range(len(folders) + 1):
            with Branch(self._bucket(self.results), folders[:depth]) as branch:
                os.fchmod(branch.folder, _WAY_MODE)
        os.fchmod(source.fileno(), _READ_MODE)

    def _open(self, bucket: str, key: str) -> tuple[BinaryIO, Facts] | None:
        """An object's bytes and facts; None where there is no such object."""
        *folders, stem = names.path_of(key)
        with told(), suppress(FileNotFoundError), Branch(self._bucket(bucket), folders) as branch:
            looked_for = ""
            while (known := facts.read(stem, branch.folder)) and known.token != looked_for:
                looked_for = known.token
                with suppress(FileNotFoundError):  # replaced since its facts were read, or removed by somebody else
                    source = facts.open_to_read(names.data_of(stem, known.token), branch.folder)
                    return os.fdopen(source, "rb"), known
        return None


def _write(source: IO[bytes], name: str, folder: int) -> int:
    with os.fdopen(facts.create(name, folder), "wb") as target:
        shutil.copyfileobj(source, target, _CHUNK_BYTES)
        target.flush()
        os.fsync(target.fileno())
        return target.tell()


def _link(source: BinaryIO, name: str, folder: int) -> int:
    """Give a file another name; or copy it, where its file system or its number of names does not allow that."""
    try:
        os.link(f"/proc/self/fd/{source.fileno()}", name, dst_dir_fd=folder)
    except OSError:
        return _write(source, name, folder)
    return os.fstat(source.fileno()).st_size


def _take(source: IO[bytes], target: BinaryIO, size: int) -> None:
    """Copy exactly ``size`` bytes. Raises WrongPartSize where there are more, or fewer."""
    left = size
    while left and (chunk := source.read(min(left, _CHUNK_BYTES))):
        target.write(chunk)
        left -= len(chunk)
    if left or source.read(1):
        came = "more" if not left else f"only {size - left:,}"
        raise WrongPartSize(f"The part has {size:,} bytes; {came} came. Send it again, and nothing else.")


def _remove(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _undo(stem: str, token: str, branch: Branch) -> None:
    """Take away what a writing that failed has left; what failed is raised by its caller."""
    with suppress(OSError):
        known = facts.read(stem, branch.folder)
        if known and known.token == token:
            return  # it had just been done
        for name in (names.data_of(stem, token), names.new_of(stem, token)):
            _remove(name, branch.folder)
        branch.prune()
