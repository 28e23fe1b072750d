"""What a folder adds to what every ``Storage`` promises: where files lie, for whom, and what many do at once."""

from __future__ import annotations

import io
import os
import resource
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pdfsmaller.media import PDF
from pdfsmaller.server.folder.storage import FolderStorage
from tests.folder_world import SECRET_KEY, killed_while_putting

KEY = "jobs/a/1/out/0"


def put(storage: FolderStorage, key: str = KEY, data: bytes = b"data", bucket: str = "results") -> str:
    storage.put_file(bucket, key, data, media_type=PDF)
    return key


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def keys(storage: FolderStorage, prefix: str = "", bucket: str = "results") -> list[str]:
    return [item.key for item in storage.list(bucket, prefix)]


@pytest.fixture
def many_open_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8_192, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class TestWhereFilesLie:
    def test_two_for_each_object_below_the_folder(self, storage: FolderStorage, root: Path) -> None:
        put(storage)
        data, facts = sorted(files(root), key=lambda path: path.name.endswith(".json"))
        assert facts.relative_to(root) == Path("results/jobs/a/1/out/0.json")
        assert data.parent == facts.parent
        assert data.read_bytes() == b"data"
        head = storage.head("results", KEY)
        assert head
        assert data.name == f"0.{head.etag}"

    def test_for_their_owner_alone(self, storage: FolderStorage, root: Path) -> None:
        before = os.umask(0)
        try:
            put(storage)
        finally:
            os.umask(before)
        for path in [root, *root.rglob("*")]:
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)

    def test_what_a_link_was_opened_to_is_for_the_group_where_it_is_to_be(self, root: Path) -> None:
        storage = FolderStorage(root, SECRET_KEY, group_reads=True)
        put(storage)
        put(storage, "jobs/b/1/out/0")
        link = storage.download_link(KEY, file_name="a.pdf", media_type=PDF, expires_seconds=60)
        opened = storage.open_link(link.rpartition("/")[2])
        assert opened
        opened.stream.close()
        file = root / opened.path
        for path in [root, *root.rglob("*")]:
            is_on_the_way = path == file or path in file.parents
            expected = (0o700, 0o600, 0o710, 0o640)[2 * is_on_the_way + path.is_file()]
            assert path.stat().st_mode & 0o777 == expected, path

    @pytest.mark.parametrize("key", ["../../../../etc/x", "/etc/x", "..", ".", "a/../../b", "\0", "//", "C:\\x", "~"])
    def test_nowhere_else(self, storage: FolderStorage, root: Path, key: str) -> None:
        put(storage, key)
        assert storage.read("results", key) == b"data"
        assert keys(storage) == [key]
        assert [path.name for path in root.parent.iterdir()] == [root.name]
        assert len(files(root / "results")) == 2

    def test_keys_that_some_file_systems_take_for_one_are_two(self, storage: FolderStorage, root: Path) -> None:
        several = ["a", "A", "é", "e\u0301", "a.", "a ", "a", "x" * 64, "x" * 63 + "X"]
        for key in several:
            put(storage, key, key.encode())
        assert all(storage.read("results", key) == key.encode() for key in several)
        assert keys(storage) == sorted(set(several), key=str.encode)
        paths = [str(path.relative_to(root)) for path in files(root)]
        assert [path for path in paths if path != path.casefold() or not path.isascii()] == []
        assert len(paths) == 2 * len(set(several))

    def test_as_deep_as_a_key_can_be(self, storage: FolderStorage) -> None:
        assert storage.read("results", put(storage, "/" * 1_024)) == b"data"
        storage.delete("results", "/" * 1_024)

    @pytest.mark.parametrize("key", ["/" * 150, "a/" * 150, "\N{OLD ITALIC LETTER A}" * 256])
    def test_deeper_than_a_path_can_be(self, storage: FolderStorage, key: str) -> None:
        put(storage, key)
        storage.copy("results", key, "results", "copy")
        assert keys(storage) == sorted([key, "copy"], key=str.encode)
        assert storage.read("results", key) == b"data"
        assert list(storage.abort_unfinished("results", time.time() + 9)) == []
        storage.delete("results", key)
        assert keys(storage) == ["copy"]

    def test_a_folder_that_is_called_like_a_writing_is_none(self, storage: FolderStorage) -> None:
        put(storage, f"jobs/{'0' * 32}/1/out/0")
        assert list(storage.abort_unfinished("results", time.time() + 9)) == []

    def test_in_the_order_of_keys_also_where_names_go_on_in_folders(self, storage: FolderStorage) -> None:
        long = "m" * 64
        several = [long, f"{long}!", f"{long}/a", f"{long}0", long[:63], f"{long[:63]}/b", f"{long[:63]}-", "n", "l/z"]
        for key in several:
            put(storage, key)
        assert keys(storage) == sorted(several, key=str.encode)
        assert keys(storage, long) == sorted([key for key in several if key.startswith(long)], key=str.encode)
        assert keys(storage, long[:30]) == sorted([key for key in several if key.startswith("m")], key=str.encode)

    def test_what_others_lay_there_is_passed_over(self, storage: FolderStorage, root: Path) -> None:
        put(storage, "inbox/a")
        inbox = root / "results/inbox"
        for name in ("Thumbs.db", ".DS_Store", "plain", "a+.json", "=ff.json", f"plain.{'0' * 31}"):
            (inbox / name).write_text("{}")
        (inbox / "lost+found").mkdir()
        (inbox / "broken.json").write_text("no json")
        assert keys(storage) == ["inbox/a"]
        assert storage.head("results", "inbox/broken") is None
        assert list(storage.abort_unfinished("results", time.time() + 9)) == []
        put(storage, "inbox/broken")
        assert keys(storage) == ["inbox/a", "inbox/broken"]


class TestFoldersThatEmpty:
    def test_go_with_their_last_object(self, storage: FolderStorage, root: Path) -> None:
        put(storage, "a/b/c")
        put(storage, "a/d")
        storage.delete("results", "a/b/c")
        assert [path.name for path in (root / "results/a").iterdir() if path.is_dir()] == []
        storage.delete("results", "a/d")
        assert list((root / "results").iterdir()) == []

    def test_go_when_a_writing_fails(self, storage: FolderStorage, root: Path) -> None:
        class Broken(io.RawIOBase):
            def read(self, size: int = -1) -> bytes:
                raise RuntimeError("the body breaks off")

        with pytest.raises(RuntimeError):
            storage.put_file("results", KEY, Broken(), media_type=PDF)
        assert list((root / "results").iterdir()) == []

    @pytest.mark.usefixtures("many_open_files")
    def test_while_two_hundred_put_and_delete_in_them_lose_nothing(self, storage: FolderStorage, root: Path) -> None:
        gate = threading.Barrier(200)

        def put_and_delete(number: int) -> None:
            gate.wait()
            for turn in range(10):
                key, data = f"jobs/x/in/{number}", b"%d %d" % (number, turn)
                put(storage, key, data)
                assert storage.read("results", key) == data
                storage.delete("results", key)
                assert storage.read("results", key) is None

        with ThreadPoolExecutor(200) as pool:
            list(pool.map(put_and_delete, range(200)))
        assert list((root / "results").iterdir()) == []

    @pytest.mark.usefixtures("many_open_files")
    def test_while_two_hundred_write_and_read_one_key_leave_one_object(
        self, storage: FolderStorage, root: Path
    ) -> None:
        wrong: list[bytes] = []

        def write_and_read(number: int) -> None:
            for _ in range(5):
                put(storage, KEY, b"%03d" % number * 1_000)
                data = storage.read("results", KEY) or b""
                if data != data[:3] * 1_000:
                    wrong.append(data)

        with ThreadPoolExecutor(200) as pool:
            list(pool.map(write_and_read, range(200)))
        assert wrong == []
        assert len(files(root)) == 2


class TestCopies:
    def test_share_bytes_that_nobody_changes(self, storage: FolderStorage, root: Path) -> None:
        put(storage, "a", b"one")
        storage.copy("results", "a", "results", "b")
        [first, second] = [path for path in files(root) if not path.name.endswith(".json")]
        assert first.stat().st_ino == second.stat().st_ino
        put(storage, "a", b"two")
        assert storage.read("results", "b") == b"one"
        storage.delete("results", "a")
        assert storage.read("results", "b") == b"one"

    def test_are_copies_where_no_file_may_have_two_names(
        self, storage: FolderStorage, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*args: object, **kwargs: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        put(storage, "a", b"one")
        monkeypatch.setattr(os, "link", refused)
        storage.copy("results", "a", "results", "b")
        assert storage.read("results", "b") == b"one"
        assert all(path.stat().st_nlink == 1 for path in files(root))

    def test_of_nothing_are_not_made(self, storage: FolderStorage) -> None:
        assert not storage.copy("results", "a", "results", "b")

    def test_downloads_are_files_of_their_own(self, storage: FolderStorage, tmp_path: Path) -> None:
        put(storage)
        assert storage.download("results", KEY, tmp_path / "mine")
        (tmp_path / "mine").write_bytes(b"changed by an engine that was taken over")
        assert storage.read("results", KEY) == b"data"


class TestUnfinished:
    def test_is_seen_by_nobody_and_goes_with_its_folders(self, storage: FolderStorage, root: Path) -> None:
        put(storage, "jobs/whole")
        killed_while_putting(root, "results", "jobs/half/1/out")
        killed_while_putting(root, "results", "jobs/whole")
        assert keys(storage) == ["jobs/whole"]
        assert list(storage.abort_unfinished("results", time.time() - 60)) == [False, False]
        assert list(storage.abort_unfinished("results", time.time() + 1)) == [True, True]
        assert sorted(path.name for path in (root / "results/jobs").iterdir())[0].startswith("whole")
        assert storage.read("results", "jobs/whole") == b"data"

    def test_what_is_under_way_stays(self, storage: FolderStorage, root: Path) -> None:
        """A body that comes for days is touched again and again."""
        begun, go_on = threading.Event(), threading.Event()

        class Slow(io.RawIOBase):
            def read(self, size: int = -1) -> bytes:
                if begun.is_set():
                    go_on.wait()
                    return b""
                begun.set()
                return b"x" * 2_000_000

        with ThreadPoolExecutor(1) as pool:
            putting = pool.submit(storage.put_file, "results", KEY, Slow(), media_type=PDF)
            begun.wait()
            for path in files(root):
                if path.name.endswith(".new"):
                    os.utime(path, (1, 1))  # made days ago
            assert list(storage.abort_unfinished("results", time.time() - 3_600)) == [False]
            go_on.set()
            putting.result()
        assert storage.read("results", KEY) == b"x" * 2_000_000


def test_all_is_on_the_disk_before_an_object_appears(
    storage: FolderStorage, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, os.rename

    def path_of(descriptor: int) -> str:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(root))

    def synced(descriptor: int) -> None:
        done.append(path_of(descriptor))
        fsync(descriptor)

    def renamed(old: str, new: str, **folders: int) -> None:
        done.append(f"{old} → {new}")
        rename(old, new, **folders)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    put(storage, "jobs/a/0")
    head = storage.head("results", "jobs/a/0")
    assert head
    data, new = f"0.{head.etag}", f"0.{head.etag}.new"
    assert done == [
        f"results/jobs/a/{data}",
        "results",
        "results/jobs",
        f"results/jobs/a/{new}",
        f"{new} → 0.json",
        "results/jobs/a",
    ]
    done.clear()
    put(storage, "jobs/a/1")
    assert len(done) == 4  # bytes, facts, their name, the folder: no folder was made
    done.clear()
    storage.delete("results", "jobs/a/0")
    assert done == ["results/jobs/a"]
    storage.delete("results", "jobs/a/1")
    assert done == ["results/jobs/a", "results"]


def test_another_process_with_the_same_key_takes_the_same_forms(storage: FolderStorage, root: Path) -> None:
    form = storage.upload_form("jobs/a/in/0", max_bytes=9, expires_seconds=60, media_type=PDF)
    assert FolderStorage(root, SECRET_KEY).open_form(form.fields).key == "jobs/a/in/0"
