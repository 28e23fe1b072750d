"""What a ``callback_url`` may be, and how it is read."""

from __future__ import annotations

import pytest

from pdfsmaller.errors import InvalidCallback
from pdfsmaller.jobs.callback import Callback
from pdfsmaller.services.webhooks.address import Target, parse, wanted
from pdfsmaller.settings import Settings

KEY = "a key for tests only"


def settings(**changes: object) -> Settings:
    return Settings(**{"secret_key": KEY} | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("https://a.example", Target("https", "a.example", 443, "/"), "a.example"),
        ("HTTPS://A.Example:443/x", Target("https", "a.example", 443, "/x"), "a.example"),
        ("https://a.example:8443/a%20b?c=d&e", Target("https", "a.example", 8443, "/a%20b?c=d&e"), "a.example:8443"),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443, "/"), "xn--bcher-kva.example"),
        ("https://8.8.8.8/x", Target("https", "8.8.8.8", 443, "/x"), "8.8.8.8"),
        ("https://[2606:4700::1111]:8443/", Target("https", "2606:4700::1111", 8443, "/"), "[2606:4700::1111]:8443"),
        ("https://a_b.example/", Target("https", "a_b.example", 443, "/"), "a_b.example"),
    ],
)
def test_an_address_has_parts(url: str, target: Target, authority: str) -> None:
    assert parse(url, settings()) == target
    assert target.authority == authority
    assert wanted(url, "https://pdf.example", settings()) == Callback(url, "https://pdf.example")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (7, "no text"),
        (["https://a.example"], "no text"),
        ("https://a.example/" + "x" * 2_100, "2,048 are allowed"),
        ("http://a.example/", "has to begin with https://"),
        ("ftp://a.example/", "has to begin with https://"),
        ("file:///etc/passwd", "has to begin with https://"),
        ("//a.example/", "has to begin with https://"),
        ("https:a.example", "no host"),
        ("https:///a.example", "no host"),
        ("https://", "no host"),
        ("https://user@a.example/", "user or a password"),
        ("https://user:secret@a.example/", "user or a password"),
        ("https://a.example:8.8.8.8@127.0.0.1/", "no URL|user or a password"),
        ("https://a.example#@127.0.0.1/", "fragment"),
        ("https://a.example/#x", "fragment"),
        ("https://a.example\\@127.0.0.1/", "characters"),
        ("https://a.example/ x", "characters"),
        ("https://a.example/\r\nX-Evil: 1", "characters"),
        ("https://a.example\t/", "characters"),
        ("https://bücher.example/", "xn-- form"),
        ("https://１２７.0.0.1/", "xn-- form"),
        ("https://①②⑦.0.0.1/", "xn-- form"),
        ("https://127。0。0。1/", "xn-- form"),
        ("https://2130706433/", "no host"),
        ("https://0x7f000001/", "no host"),
        ("https://017700000001/", "no host"),
        ("https://0177.0.0.1/", "no host"),
        ("https://127.1/", "no host"),
        ("https://127.0.0.1./", "no host"),
        ("https://0x7f.0.0.0x1/", "no host"),
        ("https://a.example.1/", "no host"),
        ("https://[::1%25eth0]/", "no host|no URL"),
        ("https://[fe80::1%eth0]/", "no host|no URL"),
        ("https://[v1.x]/", "no host|no URL"),
        ("https://[::1/", "no URL"),
        ("https://-a.example/", "no host"),
        ("https://a..example/", "no host"),
        ("https://a.example:0/", "port 0"),
        ("https://a.example:25/", "port 25"),
        ("https://a.example:70000/", "no URL"),
        ("https://a.example:x/", "no URL"),
        ("https://localhost/", "not public"),
        ("https://a.localhost:8443/", "not public"),
        ("https://127.0.0.1/", "not public"),
        ("https://169.254.169.254/latest/meta-data/", "not public"),
        ("https://[fd00:ec2::254]/", "not public"),
        ("https://[::ffff:169.254.169.254]/", "not public"),
        ("https://[::ffff:a9fe:a9fe]/", "not public"),
        ("https://[64:ff9b::a9fe:a9fe]/", "not public"),
        ("https://0.0.0.0/", "not public"),
        ("https://10.0.0.1/", "not public"),
    ],
)
def test_anything_but_the_plain_address_of_a_public_host_is_refused_at_once(url: object, why: str) -> None:
    with pytest.raises(InvalidCallback, match=why) as caught:
        wanted(url, "", settings())
    assert (caught.value.code, caught.value.http_status) == ("invalid_callback", 422)
    assert (caught.value.field, caught.value.value) == ("callback_url", "(hidden)")


def test_none_is_wanted_where_none_is_named() -> None:
    assert wanted(None, "", settings()) is None
    assert wanted("", "", settings()) is None


def test_none_can_be_had_where_nothing_could_sign_it() -> None:
    with pytest.raises(InvalidCallback, match="WEBHOOK_SECRET"):
        wanted("https://a.example/", "", Settings())


def test_an_operator_can_allow_http_and_a_private_network() -> None:
    allowing = settings(webhook_allow_http=True, webhook_allowed_networks="127.0.0.0/8,10.0.0.0/8")
    assert wanted("http://localhost:9000/", "", allowing)
    assert wanted("http://10.0.0.1/", "", allowing)
    with pytest.raises(InvalidCallback, match="not public"):
        wanted("http://192.168.0.1/", "", allowing)
