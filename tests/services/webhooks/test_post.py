"""One request: it goes to the address that was looked at, and ends in time whatever comes back."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller.services.webhooks import post as posting
from pdfsmaller.services.webhooks.address import Target
from pdfsmaller.services.webhooks.networks import Address, may_be_reached
from pdfsmaller.services.webhooks.post import Answer, NotDelivered, post
from tests.services.webhooks.receiver import (
    Receiver,
    answers,
    certificate,
    drips,
    free_port,
    is_huge,
    receiving,
    stalls,
    talks_otherwise,
)

LOOPBACK = [ipaddress.ip_network("127.0.0.0/24")]


def loopback(address: Address) -> bool:
    return may_be_reached(address, LOOPBACK)


def send(receiver: Receiver, host: str = "127.0.0.1", **more: Any) -> Answer:
    target = Target(receiver.scheme, host, receiver.port, "/hook?a=b")
    return post(target, b"{}", {"X-Own": "1"}, **{"may_be_reached": loopback} | more)


def names(monkeypatch: pytest.MonkeyPatch, *lookups: list[str]) -> list[str]:
    """Have names resolved to these addresses: the first lookup, the second …; the hosts asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        found = lookups[min(len(asked), len(lookups)) - 1]
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Ends what stalls."""
    event = threading.Event()
    yield event
    event.set()


class TestAnswers:
    def test_the_request_arrives_as_it_was_made(self) -> None:
        with receiving(answers(201)) as receiver:
            assert send(receiver) == Answer(201)
        [received] = receiver.received
        assert (received.path, received.body, received.headers["x-own"]) == ("/hook?a=b", b"{}", "1")
        assert received.headers["host"] == f"127.0.0.1:{receiver.port}"

    @pytest.mark.parametrize("status", [200, 204, 400, 410, 500])
    def test_any_status_is_an_answer(self, status: int) -> None:
        with receiving(answers(status)) as receiver:
            assert send(receiver).status == status

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, status: int) -> None:
        with receiving() as elsewhere, receiving(answers(status, Location=elsewhere.url)) as receiver:
            assert send(receiver).status == status
        assert elsewhere.received == []

    @pytest.mark.parametrize(
        ("text", "seconds"), [("120", 120), ("0", 0), ("soon", None), ("-5", None), ("1" * 50, None), ("", None)]
    )
    def test_it_may_say_when_to_come_again(self, text: str, seconds: float | None) -> None:
        with receiving(answers(503, Retry_After=text)) as receiver:
            assert send(receiver) == Answer(503, seconds)

    def test_by_a_date_too(self) -> None:
        with receiving(answers(503, Retry_After="Fri, 31 Dec 2100 23:59:59 GMT")) as receiver:
            assert (send(receiver).retry_after or 0) > 1e9

    def test_nothing_of_a_huge_body_is_waited_for(self) -> None:
        with receiving(is_huge) as receiver:
            assert send(receiver).status == 200


class TestNoAnswer:
    def test_a_receiver_that_says_nothing_is_left_in_time(self, over: threading.Event) -> None:
        with receiving(stalls(over)) as receiver, pytest.raises(NotDelivered, match=r"within 0.5 s") as caught:
            send(receiver, total_seconds=0.5)
        assert caught.value.stalled

    def test_so_is_one_that_never_comes_to_an_end(self) -> None:
        begun = time.monotonic()
        with receiving(drips) as receiver, pytest.raises(NotDelivered, match=r"within 1 s") as caught:
            send(receiver, total_seconds=1)
        assert caught.value.stalled
        assert time.monotonic() - begun < 10

    def test_what_speaks_otherwise_is_no_receiver(self) -> None:
        with receiving(talks_otherwise) as receiver, pytest.raises(NotDelivered, match="no HTTP"):
            send(receiver)

    def test_nobody_there(self) -> None:
        with pytest.raises(NotDelivered, match="cannot be connected to: Connection refused") as caught:
            post(Target("http", "127.0.0.1", free_port(), "/"), b"", {}, may_be_reached=loopback)
        assert caught.value.stalled

    def test_a_name_that_nobody_knows(self) -> None:
        with pytest.raises(NotDelivered, match="cannot be resolved"):
            post(Target("https", "nobody.invalid", 443, "/"), b"", {}, may_be_reached=loopback)

    def test_a_resolver_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch, over: threading.Event) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(60))
        monkeypatch.setattr(posting, "CONNECT_SECONDS", 0.3)
        with pytest.raises(NotDelivered, match="not resolved within") as caught:
            post(Target("https", "a.example", 443, "/"), b"", {}, may_be_reached=loopback)
        assert caught.value.stalled


class TestWhereItGoes:
    def test_a_name_is_resolved_once_and_its_request_goes_to_what_was_looked_at(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """DNS rebinding: the name leads to the receiver when it is looked at, and would lead elsewhere afterwards."""
        with receiving() as receiver, receiving(host="127.0.1.1", port=receiver.port) as secret:
            asked = names(monkeypatch, ["127.0.0.1"], ["127.0.1.1"])
            assert send(receiver, "rebinding.example").status == 204
        assert (asked, len(receiver.received), secret.received) == (["rebinding.example"], 1, [])
        assert receiver.received[0].headers["host"] == f"rebinding.example:{receiver.port}"

    @pytest.mark.parametrize(
        "addresses",
        [
            ["127.0.1.1"],
            ["127.0.0.1", "127.0.1.1"],
            ["127.0.0.1", "::1"],
            ["169.254.169.254"],
            ["::ffff:127.0.0.1"],
            ["64:ff9b::7f00:1"],
        ],
    )
    def test_nothing_is_sent_where_any_of_its_addresses_is_not_public(
        self, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
    ) -> None:
        with receiving() as receiver:
            names(monkeypatch, addresses)
            with pytest.raises(NotDelivered, match="not public") as caught:
                send(receiver, "a.example")
        assert receiver.received == []
        assert not any(address in caught.value.message for address in addresses)

    def test_the_next_address_is_tried_where_one_takes_no_connection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with receiving() as receiver:
            names(monkeypatch, ["127.0.0.9", "127.0.0.1"])
            assert send(receiver, "a.example").status == 204

    def test_no_proxy_of_the_environment_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
        with receiving() as receiver:
            assert send(receiver).status == 204


class TestTls:
    @pytest.fixture
    def trusted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ssl.SSLContext]]:
        """Certificates that this process trusts, as an operator's own authority."""

        def make(*names: str) -> ssl.SSLContext:
            chain, context = certificate(tmp_path, *names)
            monkeypatch.setenv("SSL_CERT_FILE", str(chain))
            posting._tls.cache_clear()
            return context

        yield make
        posting._tls.cache_clear()

    def test_the_certificate_is_the_names_though_the_connection_goes_to_the_address(
        self, trusted: Callable[..., ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tls, seen = trusted("DNS:a.example"), []
        tls.sni_callback = lambda _, name, __: seen.append(name)
        with receiving(tls=tls) as receiver:
            names(monkeypatch, ["127.0.0.1"])
            assert send(receiver, "a.example").status == 204
        assert seen == ["a.example"]

    def test_anothers_is_refused(self, trusted: Callable[..., ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> None:
        with receiving(tls=trusted("DNS:b.example")) as receiver:
            names(monkeypatch, ["127.0.0.1"])
            with pytest.raises(NotDelivered, match="certificate is not accepted"):
                send(receiver, "a.example")
        assert receiver.received == []

    def test_one_that_nobody_vouches_for_is_refused(self, tmp_path: Path) -> None:
        posting._tls.cache_clear()
        with (
            receiving(tls=certificate(tmp_path, "IP:127.0.0.1")[1]) as receiver,
            pytest.raises(NotDelivered, match="certificate is not accepted"),
        ):
            send(receiver)
        assert receiver.received == []

    def test_one_for_an_address_is_taken_for_it(self, trusted: Callable[..., ssl.SSLContext]) -> None:
        with receiving(tls=trusted("IP:127.0.0.1")) as receiver:
            assert send(receiver).status == 204

    def test_a_handshake_that_does_not_end_is_left_in_time(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            target = Target("https", "127.0.0.1", silent.getsockname()[1], "/")
            with pytest.raises(NotDelivered, match=r"within 0.5 s"):
                post(target, b"", {}, may_be_reached=loopback, total_seconds=0.5)

    def test_a_receiver_without_tls_is_none(self) -> None:
        with receiving() as receiver, pytest.raises(NotDelivered, match="connection was lost"):
            post(Target("https", "127.0.0.1", receiver.port, "/"), b"", {}, may_be_reached=loopback)
