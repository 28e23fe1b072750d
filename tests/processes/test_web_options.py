from __future__ import annotations

import pytest
from gunicorn.config import KNOWN_SETTINGS, Config  # type: ignore[import-untyped]

from pdfsmaller.processes import web_options
from pdfsmaller.settings import Settings


def test_gunicorn_takes_every_option() -> None:
    config = Config()
    known = {setting.name for setting in KNOWN_SETTINGS}
    for name, value in web_options.options(Settings()).items():
        assert name in known
        config.set(name, value)
    config.validate()


@pytest.mark.parametrize("workers", [1, 2, 4, 64])
def test_processes_share_what_the_server_bears(workers: int) -> None:
    one, several = web_options.options(Settings(workers=1)), web_options.options(Settings(workers=workers))
    for name in ("threads", "worker_connections"):
        assert one[name] <= several[name] * workers + workers <= 2 * one[name] + workers
    alone, each = web_options.capacity(1), web_options.capacity(workers)
    assert alone.streams <= each.streams * workers <= 2 * alone.streams
    assert each.waits is not None
    assert alone.waits is not None
    assert alone.waits <= each.waits * workers <= 2 * alone.waits
    assert each.streams + each.waits < several["threads"], "room is left for others"


def test_without_workers_there_are_as_many_as_processors_up_to_four(monkeypatch: pytest.MonkeyPatch) -> None:
    for processors, processes in ((1, 1), (3, 3), (64, 4)):
        monkeypatch.setattr("os.cpu_count", lambda found=processors: found)
        assert web_options.processes(Settings()) == processes
    assert web_options.processes(Settings(workers=9)) == 9
