"""Attached files, scripts and other names are all there."""

from __future__ import annotations

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String

from tests import documents
from tests.engine.merge.conftest import Join


def attached(name: str, data: bytes) -> bytes:
    def attach(pdf: Pdf) -> None:
        pdf.attachments[name] = data

    return documents.edited(documents.text(1), attach)


def scripted(name: str, script: str) -> bytes:
    def add(pdf: Pdf) -> None:
        action = Dictionary(S=Name.JavaScript, JS=String(script))
        pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String(name), action])))

    return documents.edited(documents.text(1), add)


def test_attachments_of_one_name_are_both_kept(join: Join) -> None:
    merged = join(attached("data.csv", b"one"), attached("data.csv", b"two"), attached("other.csv", b"three"))
    found = {name: file.get_file().read_bytes() for name, file in merged.pdf.attachments.items()}
    assert found == {"data.csv": b"one", "data.csv (2)": b"two", "other.csv": b"three"}


def test_a_range_of_pages_keeps_the_attachments(join: Join) -> None:
    assert list(join(documents.structured(3), pages=["2"]).pdf.attachments) == ["data.csv"]


def test_scripts_of_one_name_are_both_kept_unless_they_are_the_same(join: Join) -> None:
    merged = join(scripted("init", "a()"), scripted("init", "b()"), scripted("init", "a()"))
    tree = pikepdf.NameTree(merged.root.Names.JavaScript)
    assert {name: str(action.JS) for name, action in tree.items()} == {"init": "a()", "init (2)": "b()"}
