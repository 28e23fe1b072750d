"""Source that changes while the stack runs."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests import documents
from tests.stack.conftest import local_config
from tests.stack.live import Live


def with_a_note() -> dict[str, bytes]:
    """The functions' code, changed."""
    from pdfsmaller_local import package

    zips = package.packages()
    buffer = io.BytesIO(zips["functions/"])
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("note.txt", "changed")
    return zips | {"functions/": buffer.getvalue()}


def code_of(clients: Any, outputs: dict[str, str]) -> str:
    function = outputs["CompressFunctionName"]
    digest: str = clients("lambda").get_function_configuration(FunctionName=function)["CodeSha256"]
    return digest


def test_a_running_stack_takes_changed_code_and_goes_on(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if live.marker is None:
        pytest.skip("only a stack of our own is changed while it runs")
    from pdfsmaller_local import update

    packages, before = update.packages, code_of(live.clients, live.outputs)
    config = local_config(tmp_path)
    monkeypatch.setattr(update, "packages", with_a_note)
    update.update(config, live.clients)
    assert code_of(live.clients, live.outputs) != before
    assert live.finished(live.post(documents.text()).json()["job_id"])["status"] == "succeeded"
    monkeypatch.setattr(update, "packages", packages)
    update.update(config, live.clients)
    assert live.finished(live.post(documents.text()).json()["job_id"])["status"] == "succeeded"


def test_a_start_ends_changes_that_were_taken_back_while_nothing_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.environ.get("EMULATOR") == "external":
        pytest.skip("only a stack of our own is started again")
    from pdfsmaller_local import update
    from pdfsmaller_local.stack import Stack

    config, packages = local_config(tmp_path), update.packages
    first = Stack(config)
    try:
        first.start()
        before = code_of(first.clients, first.outputs)
        monkeypatch.setattr(update, "packages", with_a_note)
        first.refresh()
        assert code_of(first.clients, first.outputs) != before
    finally:
        first.stop()
    monkeypatch.setattr(update, "packages", packages)
    second = Stack(config)
    try:
        second.start()
        assert code_of(second.clients, second.outputs) == before
    finally:
        second.stop()


def test_a_change_in_the_source_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pdfsmaller_local import source_tree

    monkeypatch.setattr(source_tree, "_FOLDERS", (tmp_path,))
    (tmp_path / "a.py").write_text("1")
    first = source_tree.state()
    assert source_tree.state() == first
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("compiled")
    assert source_tree.state() == first
    (tmp_path / "a.py").write_text("12")
    assert source_tree.state() != first
