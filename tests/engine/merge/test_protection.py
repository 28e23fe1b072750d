"""What becomes of encryption."""

from __future__ import annotations

import pikepdf
import pytest

from pdfsmaller import errors
from tests import documents
from tests.engine.merge.conftest import Join

PASSWORD = documents.USER_PASSWORD


def test_the_result_opens_with_the_encrypted_documents_password(join: Join) -> None:
    merged = join(documents.text(1), documents.encrypted_user(), password=PASSWORD)
    assert merged.pdf.is_encrypted
    assert merged.pdf.encryption.R == 6
    assert "encrypted" in merged.warnings()
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(merged.path)


def test_permissions_are_those_that_all_documents_give(join: Join) -> None:
    merged = join(documents.text(1), documents.encrypted_owner(), documents.encrypted_owner_rc4())
    allowed = merged.pdf.allow
    assert not allowed.extract
    assert not allowed.modify_other
    assert allowed.print_lowres
    assert not merged.pdf.owner_password_matched


def test_a_result_can_be_open_to_everybody(join: Join) -> None:
    merged = join(documents.encrypted_user(), documents.text(1), password=PASSWORD, decrypt=True)
    assert not merged.pdf.is_encrypted


def test_each_encrypted_document_opens_with_the_password_that_fits(join: Join) -> None:
    other = documents.edited(documents.text(1), lambda pdf: None)
    merged = join(
        other, documents.encrypted_user(), documents.encrypted_user_rc4(), password=f"wrong\n{PASSWORD}", decrypt=True
    )
    assert merged.report.pages == 3


@pytest.mark.parametrize(
    ("password", "kind"), [(None, errors.PasswordRequired), ("wrong\nworse", errors.WrongPassword)]
)
def test_without_a_fitting_password_the_document_is_named(
    join: Join, password: str | None, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=r"^b\.pdf: "):
        join(documents.text(1), documents.encrypted_user(), password=password)


def test_a_compressed_result_is_as_protected(join: Join) -> None:
    merged = join(documents.encrypted_user(), documents.text(1), password=PASSWORD, optimize=True)
    assert merged.pdf.is_encrypted
