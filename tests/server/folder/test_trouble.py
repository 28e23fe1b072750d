"""A folder that is in trouble: said in one line with its remedy, and nothing is lost or left half done."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pdfsmaller import errors
from pdfsmaller.media import PDF
from pdfsmaller.server.folder.storage import FolderStorage
from tests.folder_world import SECRET_KEY

KEY = "jobs/a/1/out"


def put(storage: FolderStorage, key: str = KEY, data: bytes = b"data") -> None:
    storage.put_file("results", key, data, media_type=PDF)


def everything(storage: FolderStorage, target: Path) -> dict[str, Callable[[], object]]:
    """One call of each kind."""
    return {
        "put": lambda: put(storage),
        "copy": lambda: storage.copy("results", KEY, "results", "b"),
        "delete": lambda: storage.delete("results", KEY),
        "abort": lambda: list(storage.abort_unfinished("results", time.time())),
        "download": lambda: storage.download("results", KEY, target),
        "read": lambda: storage.read("results", KEY),
        "head": lambda: storage.head("results", KEY),
        "list": lambda: list(storage.list("results", "jobs/")),
        "probe": lambda: storage.probe("results"),
        "is_full": storage.is_full,
    }


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def assert_told(error: pytest.ExceptionInfo[errors.PdfSmallerError], words: str, root: Path) -> None:
    assert words in error.value.message
    assert "\n" not in error.value.message
    assert str(root) not in error.value.message


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a small file system in memory, where this process may."""
    made: list[Path] = []

    def mount(**options: str) -> Path:
        folder = tmp_path / f"disk-{len(made)}"
        folder.mkdir()
        told = ",".join(f"{name}={value}" for name, value in options.items())
        ran = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", told, "none", folder], capture_output=True, text=True, check=False
        )
        if ran.returncode:
            pytest.skip(f"nothing may be mounted here: {ran.stderr.strip()}")
        made.append(folder)
        return folder

    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    yield mount
    for folder in made:
        subprocess.run(["umount", folder], check=True)


class TestAFullDisk:
    def test_takes_nothing_and_keeps_what_it_has(self, mounted: Callable[..., Path]) -> None:
        root = mounted(size="1m") / "store"
        storage = FolderStorage(root, SECRET_KEY)
        put(storage, "kept", b"x" * 400_000)
        with pytest.raises(errors.DiskFull) as told:
            put(storage, KEY, b"x" * 2_000_000)
        assert_told(told, "free space", root)
        with pytest.raises(errors.DiskFull):
            put(storage, "kept", b"y" * 2_000_000)
        assert storage.read("results", "kept") == b"x" * 400_000
        assert [path.name for path in (root / "results").iterdir() if path.is_dir()] == []
        assert len(files(root)) == 2
        put(storage, KEY, b"x" * 400_000)
        assert storage.is_full() is False  # seven in eight are used

    def test_of_files_and_not_of_bytes_is_full_too(self, mounted: Callable[..., Path]) -> None:
        root = mounted(nr_inodes="8") / "store"
        storage = FolderStorage(root, SECRET_KEY)  # four are left
        for key in ("a/b/c/d/e/f", "a/b/c/d/e", "a/b/c/d"):  # for a folder, the facts, the bytes there is no room
            with pytest.raises(errors.DiskFull):
                put(storage, key)
            assert list((root / "results").iterdir()) == []
        put(storage, "a/b/c")

    def test_a_file_larger_than_the_process_may_write(self, root: Path) -> None:
        code = """
import resource, sys
from pathlib import Path
from pdfsmaller import errors
from pdfsmaller.server.folder.storage import FolderStorage
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
storage = FolderStorage(Path(sys.argv[1]), "a key for tests only")
try:
    storage.put_file("results", "jobs/a", bytes(1_000_000), media_type="application/pdf")
except errors.DiskFull:
    print([path.name for path in Path(sys.argv[1]).rglob("*")])
"""
        ran = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        assert sorted(json.loads(ran.stdout.replace("'", '"'))) == ["results", "uploads"]


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Takes the right to write from a folder: from root too, where the file system can do that."""
    made: list[Path] = []

    def forbid(folder: Path) -> None:
        if os.geteuid() != 0:
            folder.chmod(0o500)
        elif shutil.which("chattr") is None or subprocess.run(["chattr", "+i", folder], check=False).returncode:
            pytest.skip("root may write everywhere here (chattr +i does not work)")
        made.append(folder)

    yield forbid
    for folder in made:
        if os.geteuid() == 0:
            subprocess.run(["chattr", "-i", folder], check=True)
        else:
            folder.chmod(0o700)


class TestAFolderThatCannotBeWritten:
    def test_goes_on_being_read(self, tmp_path: Path, unwritable: Callable[[Path], None]) -> None:
        root = tmp_path / "store"
        storage = FolderStorage(root, SECRET_KEY)
        put(storage, "kept")
        unwritable(root / "results")
        for call in (
            lambda: put(storage),
            lambda: storage.copy("results", "kept", "results", "b"),
            lambda: storage.probe("results"),
        ):
            with pytest.raises(errors.StoreUnavailable) as told:
                call()
            assert_told(told, "able to write there", root)
        assert storage.read("results", "kept") == b"data"
        storage.probe("uploads")

    def test_as_a_disk_that_is_mounted_for_reading_only(self, mounted: Callable[..., Path]) -> None:
        disk = mounted(size="1m")
        storage = FolderStorage(disk / "store", SECRET_KEY)
        put(storage, "kept")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(errors.StoreUnavailable) as told:
            put(storage)
        assert_told(told, "mounted for writing", disk)
        assert storage.read("results", "kept") == b"data"

    def test_nor_be_made(self, tmp_path: Path, unwritable: Callable[[Path], None]) -> None:
        unwritable(tmp_path)
        with pytest.raises(errors.StoreUnavailable) as told:
            FolderStorage(tmp_path / "store", SECRET_KEY)
        assert_told(told, "able to write there", tmp_path)


class TestAFolderThatIsGone:
    def test_is_said_by_every_call_and_not_made_anew(self, storage: FolderStorage, root: Path, tmp_path: Path) -> None:
        put(storage)
        away = root.with_name("away")
        root.rename(away)
        for name, call in everything(storage, tmp_path / "x").items():
            with pytest.raises(errors.StoreUnavailable) as told:
                call()
            assert_told(told, "gone", root), name
        assert not root.exists()
        away.rename(root)
        assert storage.read("results", KEY) == b"data"

    def test_one_file_in_its_place_is_too(self, tmp_path: Path) -> None:
        (tmp_path / "store").write_text("")
        with pytest.raises(errors.StoreUnavailable):
            FolderStorage(tmp_path / "store", SECRET_KEY)


class TestSymbolicLinks:
    """Whoever can lay a link into the store's folder gets the service to read and write nothing elsewhere."""

    @pytest.fixture
    def outside(self, tmp_path: Path) -> Path:
        folder = tmp_path / "outside"
        folder.mkdir()
        return folder

    def test_in_the_place_of_a_folder(self, storage: FolderStorage, root: Path, outside: Path) -> None:
        other = FolderStorage(outside, SECRET_KEY)
        put(other)
        (root / "results/jobs").symlink_to(outside / "results/jobs")
        before = files(outside)
        for call in (
            lambda: put(storage),
            lambda: storage.read("results", KEY),
            lambda: storage.delete("results", KEY),
        ):
            with pytest.raises(errors.StoreUnavailable) as told:
                call()
            assert_told(told, "link", root)
        assert list(storage.list("results", "")) == []
        assert list(storage.abort_unfinished("results", time.time() + 9)) == []
        assert files(outside) == before

    @pytest.mark.parametrize("ending", [".json", ""])
    def test_in_the_place_of_a_file(self, storage: FolderStorage, root: Path, outside: Path, ending: str) -> None:
        put(storage)
        [target] = [path for path in files(root) if path.name.endswith(".json") == bool(ending)]
        shutil.move(target, outside)
        target.symlink_to(outside / target.name)
        with pytest.raises(errors.StoreUnavailable) as told:
            storage.read("results", KEY)
        assert_told(told, "link", root)

    def test_nor_is_one_followed_that_takes_the_place_of_what_is_written(
        self, storage: FolderStorage, root: Path, outside: Path
    ) -> None:
        put(storage)
        [facts] = [path for path in files(root) if path.name.endswith(".json")]
        secret = outside / "secret"
        secret.write_text("as it was")
        facts.unlink()
        facts.symlink_to(secret)
        with pytest.raises(errors.StoreUnavailable):
            put(storage)
        assert secret.read_text() == "as it was"

    def test_the_folder_itself_may_be_reached_by_one(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        put(FolderStorage(tmp_path / "link", SECRET_KEY))
        assert len(files(tmp_path / "real")) == 2


def test_too_many_open_files_are_said(storage: FolderStorage) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(64, soft), hard))
    try:
        with suppress(OSError):
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        with pytest.raises(errors.StoreUnavailable, match="limit on open files"):
            put(storage)
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    put(storage)
