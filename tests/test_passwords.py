from __future__ import annotations

import pytest

from pdfsmaller import passwords


def test_opens_with_the_key_that_sealed_it() -> None:
    token = passwords.seal("pässwörd", "key")
    assert "pässwörd" not in token
    assert passwords.unseal(token, "key") == "pässwörd"


def test_another_key_does_not_open_it() -> None:
    from cryptography.fernet import InvalidToken

    with pytest.raises(InvalidToken):
        passwords.unseal(passwords.seal("password", "key"), "another key")


def test_the_same_password_never_looks_the_same() -> None:
    assert passwords.seal("password", "key") != passwords.seal("password", "key")


def test_without_a_key_no_password_is_taken() -> None:
    with pytest.raises(passwords.SecretKeyMissing):
        passwords.seal("password", "")
