"""What became of watched files is remembered."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from pdfsmaller.services.watch.folder import Writing
from pdfsmaller.services.watch.marks import Mark, Marks, State

MARK = Mark("a/b.pdf", Writing(5, 1_700_000_000_123_456_789), 42, "0" * 32, State.TAKEN, ("a/b.pdf",))


def test_by_the_next_process(tmp_path: Path) -> None:
    strange = replace(MARK, name=os.fsdecode(b"caf\xe9\n.pdf"), laid=(os.fsdecode(b"caf\xe9\n.pdf"),))
    first = Marks(tmp_path / "marks")
    assert first.hold()
    first.put(MARK)
    first.put(strange)
    first.put(replace(MARK, state=State.DONE))
    first.let_go()
    second = Marks(tmp_path / "marks")
    assert second.hold()
    assert sorted(second, key=lambda mark: mark.name) == [replace(MARK, state=State.DONE), strange]


def test_by_one_process_at_a_time(tmp_path: Path) -> None:
    first, second = Marks(tmp_path), Marks(tmp_path)
    assert first.hold()
    assert first.hold()
    assert not second.hold()
    first.put(MARK)
    first.let_go()
    assert second.hold()
    assert second.get(MARK.name) == MARK


def test_with_what_was_laid_for_whom(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    marks.hold()
    marks.put(MARK)
    marks.put(replace(MARK, name="other", laid=("other/1.pdf", "other/2.pdf")))
    assert (marks.owner("a/b.pdf"), marks.owner("other/2.pdf"), marks.owner("none")) == ("a/b.pdf", "other", None)
    marks.put(replace(MARK, name="other", laid=("other",)))
    assert (marks.owner("other/2.pdf"), marks.owner("other")) == (None, "other")
    marks.remove(MARK)
    assert marks.owner("a/b.pdf") is None
    assert marks.get(MARK.name) is None


def test_a_mark_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    first = Marks(tmp_path)
    first.hold()
    first.put(MARK)
    first.let_go()
    [path] = tmp_path.glob("*.json")
    for broken in (b"", b"{", b"[]", b"{}", b'{"name": 1}'):
        path.write_bytes(broken)
        again = Marks(tmp_path)
        assert again.hold()
        assert list(again) == []
        again.let_go()
