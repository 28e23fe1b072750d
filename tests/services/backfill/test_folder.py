from __future__ import annotations

from pathlib import Path

import pytest

from pdfsmaller.errors import CollectionUnusable, ResultNameTaken
from pdfsmaller.services.backfill.folder import FolderCollection


@pytest.fixture
def folder(tmp_path: Path) -> FolderCollection:
    (tmp_path / "docs/a").mkdir(parents=True)
    (tmp_path / "docs/a/1.pdf").write_bytes(b"one")
    (tmp_path / "docs/2.pdf").write_bytes(b"two!")
    return FolderCollection(tmp_path / "docs")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    (tmp_path / "new").write_bytes(b"new")
    return tmp_path / "new"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_lists_documents_and_follows_no_link(folder: FolderCollection, tmp_path: Path) -> None:
    (tmp_path / "docs/link.pdf").symlink_to(tmp_path / "docs/2.pdf")
    (tmp_path / "docs/.hidden.pdf").write_bytes(b"x")
    assert [(item.name, item.bytes) for item in folder.list()] == [("2.pdf", 4), ("a/1.pdf", 3)]
    with pytest.raises(CollectionUnusable, match="No such file"):
        list(FolderCollection(tmp_path / "none").list())


def test_a_document_is_read_as_it_was_listed_or_not_at_all(folder: FolderCollection, tmp_path: Path) -> None:
    two, one = folder.list()
    assert folder.fetch(one, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"one"
    (tmp_path / "docs/a/1.pdf").write_bytes(b"another one")
    assert not folder.fetch(one, tmp_path / "x")
    (tmp_path / "docs/2.pdf").unlink()
    assert (folder.fetch(two, tmp_path / "x"), folder.look("2.pdf")) == (False, None)


def test_a_replaced_document_keeps_its_permissions(folder: FolderCollection, new: Path, tmp_path: Path) -> None:
    (tmp_path / "docs/2.pdf").chmod(0o640)
    two = folder.look("2.pdf")
    assert two
    now = folder.replace(two, new)
    assert now == folder.look("2.pdf") != two
    assert (tmp_path / "docs/2.pdf").read_bytes() == b"new"
    assert (tmp_path / "docs/2.pdf").stat().st_mode & 0o777 == 0o640
    assert names(tmp_path / "docs") == ["2.pdf", "a"]


def test_a_changed_document_is_not_replaced(folder: FolderCollection, new: Path, tmp_path: Path) -> None:
    two = folder.look("2.pdf")
    assert two
    (tmp_path / "docs/2.pdf").write_bytes(b"mine now")
    assert folder.replace(two, new) is None
    assert (tmp_path / "docs/2.pdf").read_bytes() == b"mine now"
    (tmp_path / "docs/2.pdf").unlink()
    assert folder.replace(two, new) is None
    assert names(tmp_path / "docs") == ["a"]


@pytest.mark.parametrize(
    "name", ["../out.pdf", "/etc/x.pdf", "a//b.pdf", "a/./b.pdf", "a\0b.pdf", "2.pdf/x.pdf", "a", "x" * 300]
)
def test_nothing_is_laid_outside_or_over_a_folder(
    folder: FolderCollection, new: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ResultNameTaken):
        folder.lay(name, new)
    assert names(tmp_path) == ["docs", "new"]
    assert (tmp_path / "docs/2.pdf").read_bytes() == b"two!"


def test_it_knows_what_lies_in_it(folder: FolderCollection, tmp_path: Path) -> None:
    assert folder.inner(FolderCollection(tmp_path / "docs/a")) == "a/"
    assert folder.inner(FolderCollection(tmp_path / "docs")) == ""
    assert folder.inner(FolderCollection(tmp_path)) is None
    assert folder.inner(FolderCollection(tmp_path / "docs2")) is None
