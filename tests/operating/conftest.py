from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pdfsmaller.cli.app import run


@dataclass(frozen=True)
class Ran:
    """What a command said, and what it exited with."""

    code: int
    out: str
    err: str

    def must(self) -> Ran:
        """This, where it has done what it should."""
        assert self.code == 0, self.err
        return self


Admin = Callable[..., Ran]


@pytest.fixture
def admin(capsys: pytest.CaptureFixture[str]) -> Iterator[Admin]:
    """``pdfsmaller admin`` with arguments, and settings by their names; what it says besides is not carried on."""
    environ, folder = dict(os.environ), tempfile.tempdir

    def call(*arguments: Any, **settings: str) -> Ran:
        before = dict(os.environ)
        os.environ.update(settings)
        try:
            code = run(["admin", *map(str, arguments)])
        finally:
            _restore(before)
            tempfile.tempdir = folder
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    yield call
    _restore(environ)


def _restore(environ: dict[str, str]) -> None:
    for name in set(os.environ) - set(environ):
        del os.environ[name]
    os.environ.update(environ)
