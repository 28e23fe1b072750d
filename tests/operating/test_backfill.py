"""``pdfsmaller admin backfill``, as its operator has it: in a process of its own where it works on documents."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from pdfsmaller.aws import clients
from pdfsmaller.services.run_job import RunService
from tests import documents
from tests.aws_stack import Clock, Stack, made_resources
from tests.operating.conftest import Admin, Service

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.pdf").write_bytes(documents.photo_jpeg(300 + 20 * number, 200))
    (folder / "no.pdf").write_bytes(b"no PDF")
    (folder / "signed.pdf").write_bytes(documents.signed())
    return folder


def begun(service: Service, *arguments: Any) -> subprocess.Popen[str]:
    return _begun(service.named, *arguments)


def _begun(settings: dict[str, str], *arguments: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pdfsmaller.cli", "admin", "backfill", *map(str, arguments)],
        env=os.environ | settings | {"PYTHONPATH": str(ROOT / "shared")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def working(service: Service) -> Iterator[None]:
    """Within it a worker does what there is."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.02):
            service.work()

    _ = service.world
    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def test_a_folder_from_beginning_to_end(service: Service, admin: Admin, source: Path, tmp_path: Path) -> None:
    told = (source, "--to", tmp_path / "to", "--preset", "ebook", "--yes", "--rate", "100/s")
    with working(service):
        process = begun(service, *told)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 3, err  # one is no PDF
    assert "4 done: " in out
    assert "1 failed (not_a_pdf)" in out
    assert "6 documents that the ledger" in err
    assert '{"' not in out + err, "lines for programs lie beside the ledger"
    assert "job accepted" in (service.root / "backfill.db.log").read_text()
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == [f"{number}.pdf" for number in range(4)]

    shown = admin("backfill", "status", **service.named).must().out
    assert f"{source} → {tmp_path / 'to'}" in shown
    counts = json.loads(admin("backfill", "status", "--json", **service.named).must().out)
    assert {(count["state"], count["code"]): count["items"] for count in counts["counts"]} == {
        ("done", ""): 4,
        ("skipped", "signed"): 1,
        ("failed", "not_a_pdf"): 1,
    }
    assert counts["saved_bytes"] > 0
    listed = admin("backfill", "status", "--list", "failed", **service.named).must().out
    assert "'no.pdf' (not_a_pdf: " in listed

    (source / "no.pdf").write_bytes(documents.photo_jpeg(320, 240))
    assert "1 document wait again" in admin("backfill", "retry-failed", **service.named).must().out
    with working(service):
        process = begun(service, *told, "--json")
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert {(count["state"], count["code"]): count["items"] for count in json.loads(out)["counts"]} == {
        ("done", ""): 5,
        ("skipped", "changed"): 1,  # what failed was another writing
        ("skipped", "signed"): 1,
    }


def test_it_stops_when_it_is_told_to_and_says_how_to_go_on(service: Service, source: Path, tmp_path: Path) -> None:
    told = (source, "--to", tmp_path / "to", "--preset", "ebook", "--yes", "--rate", "1/s", "--at-once", "2")
    with working(service):
        process = begun(service, *told)
        until = time.monotonic() + 60
        while not (tmp_path / "to").exists() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert "Stopping once what is under way is done" in err
        assert "Say the same again to go on" in err
        assert "waiting" in out
        assert "taken" not in out, "what was under way is done"
        process = begun(service, *told[:-2], "--rate", "100/s")
        out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert "4 done" in out


def test_without_workers_a_second_signal_leaves_what_is_under_way(
    service: Service, admin: Admin, source: Path, tmp_path: Path
) -> None:
    _ = service.world
    process = begun(service, source, "--to", tmp_path / "to", "--yes", "--rate", "100/s", "--at-once", "2")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        counts = admin("backfill", "status", "--json", **service.named)
        if counts.code == 0 and '"taken"' in counts.out:
            break
        time.sleep(0.1)
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "No worker runs" in err
    assert " taken: " in out


def test_a_dry_run_tells_what_would_be_saved(service: Service, admin: Admin, source: Path, tmp_path: Path) -> None:
    _ = service.world
    told = ("backfill", source, "--to", tmp_path / "to", "--preset", "ebook", "--dry-run")
    found = json.loads(admin(*told, "--json", **service.named).must().out)
    assert (found["documents"], found["looked_at"], found["cost"]) == (6, 6, None)
    assert found["codes"] == {"not_a_pdf": 1, "signed": 1}
    assert 0 < found["saved"] < found["bytes"]
    assert found["seconds"] > 0
    assert "would be saved, ± " in admin(*told, **service.named).must().out
    assert not (tmp_path / "to").exists()
    assert not (service.root / "backfill.db").exists()


def test_a_dry_run_on_aws_tells_what_it_costs(stack: Stack, admin: Admin, tmp_path: Path) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="theirs")
    s3.put_object(Bucket="theirs", Key="docs/a.pdf", Body=documents.photo_jpeg(300, 200))
    named = {
        "COMPRESS_QUEUE_URL": stack.settings.compress_queue_url,
        "JOBS_TABLE": stack.settings.jobs_table,
        "UPLOADS_BUCKET": stack.settings.uploads_bucket,
    }
    told = ("backfill", "s3://theirs/docs", "--to", "s3://theirs/small", "--dry-run")
    assert "On AWS that costs about $" in admin(*told, **named).must().out
    usual = json.loads(admin(*told, "--json", **named).must().out)["cost"]["once"]
    (tmp_path / "prices.json").write_text('{"s3_thousand_writes": 500}')
    dear = json.loads(admin(*told, "--json", "--prices", tmp_path / "prices.json", **named).must().out)["cost"]["once"]
    assert dear == pytest.approx(usual + 5 * 0.5, abs=0.05)
    (tmp_path / "prices.json").write_text('{"gold": 1}')
    wrong = admin(*told, "--prices", tmp_path / "prices.json", **named)
    assert (wrong.code, "lambda_gb_second" in wrong.err) == (2, True)


@pytest.fixture
def aws(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The stack's resources in moto, where other processes find them too."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    clients.forget_clients()
    try:
        yield made_resources(clock)
    finally:
        server.stop()
        clients.forget_clients()


def test_a_bucket_from_beginning_to_end(aws: Stack, tmp_path: Path) -> None:
    """With this process for Lambda, which an event leads to each object that comes in."""
    originals = {f"docs/{number} +.pdf": documents.photo_jpeg(300 + 20 * number, 200) for number in range(5)}
    aws.s3.create_bucket(Bucket="theirs")
    for key, data in originals.items():
        aws.s3.put_object(Bucket="theirs", Key=key, Body=data, Metadata={"owner": "me"})
    names = ("uploads_bucket", "results_bucket", "jobs_table", "compress_queue_url", "callback_queue_url", "secret_key")
    settings = {name.upper(): str(getattr(aws.settings, name)) for name in names}
    told = ["s3://theirs/docs", "--replace", "--keep-originals", "s3://theirs/originals", "--preset", "ebook", "--yes"]
    process = _begun(settings, *told, "--rate", "100/s", "--at-once", "3", "--ledger", tmp_path / "ledger.db")
    done: set[str] = set()
    while process.poll() is None:
        for key in set(aws.upload_keys()) - done:
            done.add(key)
            RunService(aws.world).handle(aws.message(key))
        time.sleep(0.1)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.startswith("5 documents, ")
    assert "5 done: " in out
    for key, data in originals.items():
        kept = aws.s3.get_object(Bucket="theirs", Key=key.replace("docs/", "originals/"))
        now = aws.s3.get_object(Bucket="theirs", Key=key)
        assert (kept["Body"].read(), kept["Metadata"]) == (data, {"owner": "me"})
        assert now["ContentLength"] < len(data)
        assert now["Metadata"] == {"owner": "me"}
    assert {aws.job(key.split("/")[1]).asker for key in done} == {"backfill"}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ((), "--dry-run, and say --yes"),
        (("--yes",), "--to a prefix or folder, or --replace"),
        (("--yes", "--to", "x", "--replace"), "--to a prefix or folder, or --replace"),
        (("--yes", "--replace"), "or --no-keep: then they are gone"),
        (("--yes", "--replace", "--no-keep", "--keep-originals", "x"), "or --no-keep: then they are gone"),
        (("--yes", "--to", "x", "--no-keep"), "leave --keep-originals and --no-keep out"),
        (("--yes", "--replace", "--no-keep", "--verify", "off"), "--verify cannot be off"),
        (("--yes", "--to", "x", "--rate", "fast"), "5/s, 300/min"),
        (("--yes", "--to", "x", "--min-size", "small"), "500KB"),
        (("--yes", "--to", "x", "--preset", "tiny"), "--preset cannot be 'tiny'"),
        (("--yes", "--to", "."), "holds the source"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(
    service: Service, admin: Admin, source: Path, told: tuple[str, ...], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ = service.world
    monkeypatch.chdir(source.parent)
    ran = admin("backfill", source, *told, **service.named)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert why in ran.err
    assert not (service.root / "backfill.db").exists()


def test_a_source_that_is_not_there(service: Service, admin: Admin, tmp_path: Path) -> None:
    _ = service.world
    for told in (("--dry-run",), ("--yes",)):
        ran = admin("backfill", tmp_path / "none", "--to", tmp_path / "to", *told, **service.named)
        assert (ran.code, ran.err.count("cannot be read")) == (7, 1)
    assert admin("backfill", "status", "--ledger", tmp_path / "none.db", **service.named).code == 7
