"""A backup's file: what is put in comes out, and what is no backup, or not a whole one, is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller.errors import BadBackup
from pdfsmaller.operating import archive
from pdfsmaller.operating.archive import StoredFile, Writer

ROWS = [
    {"job_id": f"{number:032x}", "due_at": number / 3, "owner": None, "content": "é\u0000\n" * 9}
    for number in range(500)
]
FILE = StoredFile("uploads", "jobs/0/in/0", "application/pdf", {"outcome": "compressed"})


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    path = tmp_path / "backup.tar"
    with path.open("wb") as target:
        writer = Writer(target, 1_700_000_000.5)
        writer.table("jobs", ROWS)
        writer.table("claims", [])
        writer.file(FILE, io.BytesIO(b"%PDF-" * 20_000), 100_000)
        writer.secret("the key")
        writer.close(product="1", schema="v0001", key="ab", gone=["jobs/1/in/0"])
    return path


def test_what_is_put_in_comes_out(backup: Path) -> None:
    with archive.opened(backup) as found:
        assert [(name, list(rows)) for name, rows in found.tables()] == [("jobs", ROWS)]
        [(member, file)] = found.manifest.files()
        assert file == FILE
        assert found.open(member).read() == b"%PDF-" * 20_000
        assert found.secret() == "the key"
        manifest = found.manifest
    assert (manifest.tables, manifest.gone, manifest.taken_at) == (
        {"jobs": 500, "claims": 0},
        ("jobs/1/in/0",),
        1_700_000_000.5,
    )


def test_a_large_table_is_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_PIECE_BYTES", 1_000)
    rows = [{"content": hashlib.sha512(str(number).encode()).hexdigest()} for number in range(5_000)]
    path = tmp_path / "backup.tar"
    with path.open("wb") as target:
        writer = Writer(target, 0.0)
        writer.table("jobs", rows)
        writer.close(product="1", schema="v0001", key=None, gone=[])
    with archive.opened(path) as found:
        pieces = [list(piece) for _, piece in found.tables()]
    assert len(pieces) > 3
    assert [row for piece in pieces for row in piece] == rows


def read(path: Path) -> list[list[dict[str, Any]]]:
    with archive.opened(path) as found:
        return [list(rows) for _, rows in found.tables()]


def refused(path: Path) -> str:
    """Why a file is no backup: in one line, and before anything of it was read as one."""
    with pytest.raises(BadBackup) as caught:
        read(path)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("share", [0, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_half_one_is_refused(backup: Path, share: float) -> None:
    data = backup.read_bytes()
    backup.write_bytes(data[: int(len(data) * share)])
    refused(backup)


@pytest.mark.parametrize("place", range(0, 100, 7))
def test_one_with_a_wrong_byte_is_refused(backup: Path, place: int) -> None:
    data = bytearray(backup.read_bytes())
    end = data.rfind(b"manifest.json")  # behind it only the manifest's text, and zeros
    data[end * place // 100] ^= 0x55
    backup.write_bytes(data)
    refused(backup)


@pytest.mark.parametrize("data", [b"", b"\0" * 10_240, b"%PDF-1.4 " * 9_999, gzip.compress(b"a" * 9_999, mtime=0)])
def test_what_is_no_backup_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.tar"
    path.write_bytes(data)
    refused(path)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none.tar")
    assert "cannot be read" in refused(tmp_path)


def changed(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """The same file with another manifest."""
    with tarfile.open(path) as tar:
        members = [(info, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]
    info, text = members.pop()
    manifest = json.loads(text)
    change(manifest)
    info.size = len(text := json.dumps(manifest).encode())
    with tarfile.open(path, "w") as tar:
        for member, data in [*members, (info, text)]:
            tar.addfile(member, io.BytesIO(data))


def with_member(path: Path, name: str, data: bytes) -> None:
    """The same file with one more member, of which the manifest says nothing wrong."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    with tarfile.open(path) as tar:
        members = [(found, tar.extractfile(found).read()) for found in tar]  # type: ignore[union-attr]
    with tarfile.open(path, "w") as tar:
        for member, body in [*members[:-1], (info, data), members[-1]]:
            tar.addfile(member, io.BytesIO(body))
    said = {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "file": None}
    changed(path, lambda manifest: manifest["members"].append(said))


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/cron.d/evil",
        "/etc/passwd",
        "files/../../x",
        "tables/jobs/../../x",
        "tables/JOBS/000000.jsonl.gz",
        "x",
    ],
)
def test_a_member_that_no_backup_has_is_refused(backup: Path, name: str, tmp_path: Path) -> None:
    with_member(backup, name, b"evil")
    before = sorted(tmp_path.rglob("*"))
    assert "which no backup does" in refused(backup)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_a_member_that_is_no_file_is_refused(backup: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("files/000009")
    info.type, info.linkname = kind, "/etc/passwd"
    with tarfile.open(backup, "a") as tar:
        tar.addfile(info)
    assert "which no backup does" in refused(backup)


def test_a_member_that_comes_twice_is_refused(backup: Path) -> None:
    info = tarfile.TarInfo("secret.key")
    info.size = 4
    with tarfile.open(backup, "a") as tar:
        tar.addfile(info, io.BytesIO(b"evil"))
    assert "secret.key" in refused(backup)


def test_a_newer_form_is_refused_by_name_of_its_version(backup: Path) -> None:
    changed(backup, lambda manifest: manifest.update(format=2, product="9.9", something="new"))
    assert "form 2, made by PDF Smaller 9.9" in refused(backup)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.pop("format"),
        lambda manifest: manifest.update(format="x"),
        lambda manifest: manifest.update(members=None),
        lambda manifest: manifest.update(taken_at="yesterday"),
        lambda manifest: manifest["members"].pop(),
        lambda manifest: manifest["members"].append(manifest["members"][0] | {"name": "files/000001"}),
        lambda manifest: manifest["members"][-2]["file"].update(bucket="../.."),
        lambda manifest: manifest["members"][-2]["file"].update(key="inbox/a.pdf"),
        lambda manifest: manifest["members"][-2].update(file=None),
        lambda manifest: manifest["members"][0].update(sha256="0" * 64),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(backup: Path, change: Callable[[dict[str, Any]], None]) -> None:
    changed(backup, change)
    refused(backup)


@pytest.mark.parametrize(
    "data",
    [
        b"no gzip",
        gzip.compress(b'{"a": 1}\n', mtime=0)[:-6],
        gzip.compress(b"[1]\n", mtime=0),
        gzip.compress(b"{", mtime=0),
    ],
)
def test_rows_that_are_none_are_refused(backup: Path, data: bytes) -> None:
    with_member(backup, "tables/jobs/000009.jsonl.gz", data)
    refused(backup)
