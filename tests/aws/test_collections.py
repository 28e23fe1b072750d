from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest

from pdfsmaller import wire
from pdfsmaller.aws import clients
from pdfsmaller.aws.collections import S3Collection
from pdfsmaller.errors import CollectionUnusable, OriginalUnavailable
from tests.aws_stack import Stack


@pytest.fixture
def s3(stack: Stack) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="theirs")
    return client


@pytest.fixture
def new(tmp_path: Path) -> Path:
    (tmp_path / "new").write_bytes(b"new")
    return tmp_path / "new"


def test_an_address_is_a_folder_of_a_bucket() -> None:
    made = [wire.collection(address) for address in ("s3://b", "s3://b/docs", "s3://b/docs/")]
    assert [item.address for item in made] == ["s3://b/", "s3://b/docs/", "s3://b/docs/"]
    assert [made[0].inner(item) for item in made] == ["", "docs/", "docs/"]
    assert made[1].inner(made[0]) is None
    assert made[1].inner(wire.collection("s3://c/docs/x")) is None


def test_it_lists_what_lies_below_a_prefix(s3: Any) -> None:
    for key in ("docs/a.pdf", "docs/x/ü +%41\n.pdf", "docs/x/", "docs2/b.pdf"):
        s3.put_object(Bucket="theirs", Key=key, Body=b"12")
    found = list(S3Collection("theirs", "docs/").list())
    assert [(item.name, item.bytes) for item in found] == [("a.pdf", 2), ("x/ü +%41\n.pdf", 2)]
    assert [S3Collection("theirs", "docs/").look(item.name) for item in found] == found


def test_what_is_not_there_is_said(s3: Any, new: Path) -> None:
    with pytest.raises(CollectionUnusable, match="NoSuchBucket"):
        list(S3Collection("nobodys").list())
    with pytest.raises(CollectionUnusable, match="NoSuchBucket"):
        S3Collection("nobodys").lay("a.pdf", new)
    assert S3Collection("theirs").look("none.pdf") is None


def test_what_cannot_be_asked_for_is_said(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("s3://", "s3:///x", "s3:///manifest.json"):
        with pytest.raises(CollectionUnusable, match="names no bucket"):
            list(wire.collection(address).list())
    monkeypatch.setattr(botocore.session.Session, "get_credentials", lambda _: None)
    monkeypatch.setattr(clients, "_client", inspect.unwrap(clients._client))  # those made before have some
    clients.forget_clients()
    for address in ("s3://theirs/docs", "s3://lists/x/manifest.json"):
        with pytest.raises(CollectionUnusable, match="AWS_PROFILE"):
            list(wire.collection(address).list())


def test_a_document_is_read_and_copied_as_it_was_listed_or_not_at_all(s3: Any, stack: Stack, tmp_path: Path) -> None:
    s3.put_object(Bucket="theirs", Key="d/a.pdf", Body=b"one", ContentType="application/pdf", Metadata={"x": "y"})
    collection, uploads = S3Collection("theirs", "d/"), stack.settings.uploads_bucket
    [one] = collection.list()
    assert collection.fetch(one, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"one"
    assert collection.copy(one, uploads, "copy")
    copied = s3.get_object(Bucket=uploads, Key="copy")
    assert (copied["Body"].read(), copied["Metadata"]) == (b"one", {"x": "y"})
    s3.put_object(Bucket="theirs", Key="d/a.pdf", Body=b"two")
    assert not collection.fetch(one, tmp_path / "x")
    s3.delete_object(Bucket="theirs", Key="d/a.pdf")
    assert not collection.fetch(one, tmp_path / "x")
    assert not collection.copy(one, uploads, "copy")


def test_a_replaced_object_keeps_what_is_known_of_it(s3: Any, new: Path) -> None:
    known = {
        "ContentType": "application/pdf",
        "CacheControl": "max-age=60",
        "ContentDisposition": "inline",
        "Metadata": {"owner": "me"},
        "StorageClass": "STANDARD_IA",
    }
    s3.put_object(Bucket="theirs", Key="a.pdf", Body=b"original", Tagging="team=x&y=a%20b", **known)
    collection = S3Collection("theirs")
    original = collection.look("a.pdf")
    assert original
    now = collection.replace(original, new)
    assert now == collection.look("a.pdf")
    assert now is not None
    assert (now.bytes, now.version) != (original.bytes, original.version)
    found = s3.get_object(Bucket="theirs", Key="a.pdf")
    assert {name: found[name] for name in known} == known
    assert s3.get_object_tagging(Bucket="theirs", Key="a.pdf")["TagSet"] == [
        {"Key": "team", "Value": "x"},
        {"Key": "y", "Value": "a b"},
    ]


def test_a_changed_object_is_not_replaced(s3: Any, new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket="theirs", Key="a.pdf", Body=b"original")
    collection = S3Collection("theirs")
    original = collection.look("a.pdf")
    assert original
    s3.put_object(Bucket="theirs", Key="a.pdf", Body=b"theirs now")
    assert collection.replace(original, new) is None
    # Nor where it changes between the look and the write: the write itself is conditional.
    head = {"ContentLength": original.bytes, "ETag": f'"{original.version}"'}
    monkeypatch.setattr(collection, "_head", lambda name: head)
    assert collection.replace(original, new) is None
    assert s3.get_object(Bucket="theirs", Key="a.pdf")["Body"].read() == b"theirs now"


def test_an_archived_object_says_so(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket="theirs", Key="a.pdf", Body=b"cold", StorageClass="GLACIER")
    collection = S3Collection("theirs")
    [cold] = collection.list()
    with pytest.raises(OriginalUnavailable, match="archived"):
        collection.fetch(cold, tmp_path / "x")
