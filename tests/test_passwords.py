from __future__ import annotations

import pytest

from pdfsmaller import passwords
from pdfsmaller.errors import PasswordLost


def test_opens_with_the_key_that_sealed_it() -> None:
    token = passwords.seal("pässwörd", "key")
    assert "pässwörd" not in token
    assert passwords.unseal(token, "key") == "pässwörd"


def test_another_key_does_not_open_it() -> None:
    for now in ("another key", ""):
        with pytest.raises(PasswordLost, match="SECRET_KEY has changed"):
            passwords.unseal(passwords.seal("password", "key"), now)


def test_the_same_password_never_looks_the_same() -> None:
    assert passwords.seal("password", "key") != passwords.seal("password", "key")


def test_without_a_key_no_password_is_taken() -> None:
    with pytest.raises(passwords.SecretKeyMissing):
        passwords.seal("password", "")
