"""Signatures are those of Standard Webhooks, and each API key has a secret of its own."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pdfsmaller.services.webhooks import signature
from pdfsmaller.settings import Settings

#: The example that the libraries of https://github.com/standard-webhooks/standard-webhooks are tested with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_standards_own_example_comes_out() -> None:
    signed = signature.sign(signature.read(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_has_no_key_is_signed_with_webhook_secret_itself() -> None:
    assert signature.written(signature.secret(Settings(webhook_secret=SECRET), None)) == SECRET


def test_every_key_has_a_secret_of_its_own_from_either_root() -> None:
    roots = [
        Settings(secret_key="a key for tests only"),
        Settings(webhook_secret=SECRET),
        Settings(secret_key="a key for tests too" * 2),
    ]
    secrets = [signature.secret(root, owner) for root in roots for owner in (None, "a", "b")]
    assert len(set(secrets)) == len(secrets)
    assert signature.secret(roots[0], "a") == secrets[1]
    for secret in secrets:
        assert signature.read(signature.written(secret)) == secret


@pytest.mark.parametrize("text", ["short", "whsec_", "whsec_c2hvcnQ=", SECRET.removeprefix("whsec_"), "whsec_§§§"])
def test_settings_take_no_other_secret(text: str) -> None:
    with pytest.raises(ValidationError, match="whsec_ and the base64 of 24 to 64 bytes") as caught:
        Settings(webhook_secret=text)
    assert text not in repr(Settings(webhook_secret=SECRET))
    assert caught.value


def test_settings_take_networks_alone() -> None:
    with pytest.raises(ValidationError, match=r"10.0.0.1/8 has host bits set"):
        Settings(webhook_allowed_networks="10.0.0.1/8")  # type: ignore[arg-type]
