from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy import nginx
from tests.deploy.nginx import Nginx
from tests.processes.conftest import serve  # noqa: F401  (a fixture of ours, too)
from tests.processes.served import Served

#: What the samples of settings have for a service behind nginx.
BEHIND = {"TRUSTED_PROXIES": "127.0.0.1", "X_ACCEL_PREFIX": "/stored", "LOG_LEVEL": "INFO"}


@pytest.fixture
def begin_nginx(tmp_path: Path) -> Iterator[Callable[..., Nginx]]:
    """Starts nginx before services, and stops it in the end."""
    if nginx.PROGRAM is None:
        pytest.skip("there is no nginx here (Debian: nginx-light)")
    started: list[Nginx] = []

    def begin(
        *services: Served, upstreams: list[str] | None = None, files: Path | None = None, more: str = ""
    ) -> Nginx:
        upstreams = upstreams or [one.url.removeprefix("http://") for one in services]
        folder = tmp_path / f"nginx{len(started)}"
        started.append(Nginx(folder, upstreams, files or services[0].data / "files", more=more))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nginx, Served]]:
    """One nginx before one service, for all tests of a module that ask nothing of their own of it."""
    if nginx.PROGRAM is None:
        pytest.skip("there is no nginx here (Debian: nginx-light)")
    folder = tmp_path_factory.mktemp("behind")
    service = Served(folder / "data", "--workers", 1, **BEHIND)
    try:
        front = Nginx(folder / "nginx", [service.url.removeprefix("http://")], service.data / "files")
        try:
            yield front, service
        finally:
            front.stop()
    finally:
        service.kill()
