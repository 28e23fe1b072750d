"""Inventories as S3 writes them, and as nobody should."""

from __future__ import annotations

import gzip
from typing import Any

import boto3
import pytest

from pdfsmaller import wire
from pdfsmaller.errors import InvalidInventory
from tests.aws.inventories import packed, row, write
from tests.aws_stack import Stack

ODD = ["a b.pdf", "c+d.pdf", "e%20f.pdf", "line\nbreak.pdf", 'quo"te,comma.pdf', "ümläut/日本.pdf", "=1+1.pdf"]


@pytest.fixture
def s3(stack: Stack) -> Any:
    client = boto3.client("s3")
    for bucket in ("theirs", "lists"):
        client.create_bucket(Bucket=bucket)
    return client


def rows(count: int = 3) -> list[list[str]]:
    return [row("theirs", f"{n}.pdf", n, f"{n:032x}") for n in range(count)]


def names(address: str) -> list[str]:
    return [original.name for original in wire.collection(address).list()]


def test_keys_are_decoded_whatever_is_in_them(s3: Any) -> None:
    address = write("lists", "theirs", [packed(row("theirs", key, 7, "e") for key in ODD)])
    assert names(address) == ODD
    plus = ["theirs", "a+b%2Bc.pdf", "v", "true", "false", "1", "", "e", "STANDARD"]  # a space as forms write it
    assert names(write("lists", "theirs", [packed([plus])])) == ["a b+c.pdf"]


def test_of_versions_the_latest_that_is_no_deletion(s3: Any) -> None:
    listed = [
        row("theirs", "a.pdf", 2, "new"),
        row("theirs", "a.pdf", 1, "old", latest=False),
        row("theirs", "gone.pdf", 0, "", deleted=True),
        row("theirs", "folder/", 0, "x"),
    ]
    [original] = wire.collection(write("lists", "theirs", [packed(listed)])).list()
    assert (original.name, original.bytes, original.version) == ("a.pdf", 2, "new")


def test_columns_are_found_by_their_names(s3: Any) -> None:
    schema = "ETag, Size, Bucket, Key, " + ", ".join(f"Other{n}" for n in range(16))
    listed = [["e", "5", "theirs", "a.pdf", *map(str, range(16))]]
    [original] = wire.collection(write("lists", "theirs", [packed(listed)], fileSchema=schema)).list()
    assert (original.name, original.bytes, original.version) == ("a.pdf", 5, "e")


def test_several_files_and_ten_thousand_keys(s3: Any) -> None:
    listed = rows(10_000)
    address = write("lists", "theirs", [packed(listed[:4_000]), packed(listed[4_000:]), packed([])])
    assert len(set(names(address))) == 10_000


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"checksum": "0" * 32}, "MD5 that manifest.checksum says"),
        ({"fileFormat": "Parquet"}, "its files are Parquet"),
        ({"fileSchema": "Bucket, Key"}, "no Size and no ETag"),
        ({"fileSchema": None}, "no Key"),
        ({"files": [{"key": "inventory/none.csv.gz", "MD5checksum": "0" * 32}]}, "NoSuchKey"),
        ({"files": [{"key": "inventory/none.csv.gz"}]}, "it is no manifest"),
        ({"files": "many"}, "it is no manifest"),
        ({"fileSchema": "Bucket, Key, Size, ETag"}, "9 columns and not 4"),
    ],
)
def test_one_that_is_not_whole_is_not_used(s3: Any, changes: dict[str, Any], why: str) -> None:
    address = write("lists", "theirs", [packed(rows())], **changes)
    with pytest.raises(InvalidInventory, match=why):
        names(address)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (packed(rows())[:-20], "EOFError"),
        (b"no gzip", "BadGzipFile"),
        (gzip.compress(b"\xff\xfe\xff,\n", mtime=0), "UnicodeDecodeError"),
        (packed([["theirs", "a.pdf", "v", "true", "false", "many", "", "e", "S"]]), "ValueError"),
        (packed([[*row("theirs", "a.pdf", 1, "e"), *["x"] * 11]]), "has 20 columns and not 9"),
    ],
)
def test_files_that_hold_something_else_are_not_used(s3: Any, data: bytes, why: str) -> None:
    with pytest.raises(InvalidInventory, match=why):
        names(write("lists", "theirs", [data]))


def test_a_file_that_changed_since_is_not_used(s3: Any) -> None:
    address = write("lists", "theirs", [packed(rows())])
    s3.put_object(Bucket="lists", Key="inventory/theirs/daily/data/0.csv.gz", Body=packed(rows(4)))
    with pytest.raises(InvalidInventory, match="does not have the MD5"):
        names(address)


def test_a_manifest_needs_its_checksum(s3: Any) -> None:
    s3.put_object(Bucket="lists", Key="x/manifest.json", Body=b"{}")
    with pytest.raises(InvalidInventory, match=r"manifest\.checksum beside it"):
        wire.collection("s3://lists/x/manifest.json")
