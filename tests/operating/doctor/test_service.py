"""The service itself: its endpoints, its version, and what its store knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pdfsmaller import __version__
from pdfsmaller.engine.confinement import BOUNDS
from pdfsmaller.events import ObjectCreated
from pdfsmaller.jobs.figures import Figure
from pdfsmaller.jobs.workers import WorkerInfo
from pdfsmaller.operating.doctor import endpoints, store
from pdfsmaller.operating.doctor.finding import State
from pdfsmaller.operating.doctor.site import Site
from pdfsmaller.operating.place import Place
from tests.folder_world import served
from tests.operating.doctor import certificates
from tests.operating.doctor.conftest import settings_of, states

MakeSite = Callable[..., Site]
WORKER = WorkerInfo("1" * 32, "host-a", 11, __version__, 1_000.5, BOUNDS)


@contextmanager
def up(site: Site, **settings: object) -> Iterator[Site]:
    """The service of a site, answering; and the site with its port."""
    with served(site.world) as url:
        here = site.settings.model_copy(update={"port": int(url.rsplit(":", 1)[1])} | settings)
        yield replace(site, place=Place(here, None))


class TestEndpoints:
    def test_those_that_answer_are_well(self, site: MakeSite) -> None:
        with up(site()) as here:
            found = endpoints.endpoints(here)
        asked = [one.check.removeprefix(f"endpoint http://127.0.0.1:{here.settings.port}") for one in found]
        assert asked == ["/health/live", "/health/ready", "/metrics"]
        assert {one.state for one in found} == {State.OK}

    def test_a_part_that_is_away_is_named(self, site: MakeSite, tmp_path: Path) -> None:
        with up(site()) as here:
            (tmp_path / "jobs.db").unlink()
            (tmp_path / "jobs.db").mkdir()
            found = {one.check.rpartition("/")[2]: one for one in endpoints.endpoints(here)}
        assert (found["live"].state, found["ready"].state) == (State.OK, State.FAILED)
        assert "jobs, queue away" in found["ready"].found

    def test_what_does_not_answer_is_told_once(self, site: MakeSite) -> None:
        [finding] = endpoints.endpoints(site(port=9))
        assert finding.state is State.FAILED
        assert "refused" in finding.found

    def test_nothing_is_missing_where_nothing_should_run(
        self, site: MakeSite, tmp_path: Path, program: Callable[[str, str], Path]
    ) -> None:
        program("systemctl", "printf 'Id=pdfsmaller-upload.service\\nLoadState=loaded\\nUnitFileState=disabled\\n'")
        (tmp_path / "systemd").mkdir()
        [finding] = endpoints.endpoints(site(port=9, systemd=tmp_path / "systemd"))
        assert finding.state is State.SKIPPED

    def test_figures_that_everybody_can_read_are_told(self, site: MakeSite) -> None:
        with up(site()) as here:
            url = f"http://127.0.0.1:{here.settings.port}"
            public = here.settings.model_copy(update={"public_base_url": url})
            found = endpoints.endpoints(replace(here, place=Place(public, None)))
        assert found[-1].check == f"endpoint {url}/metrics"
        assert found[-1].state is State.WARNING

    def test_a_certificate_that_nobody_trusts_may_be_meant_so(self, site: MakeSite, tmp_path: Path) -> None:
        with up(site()) as here, certificates.shown(certificates.made(tmp_path, 60)) as port:
            public = here.settings.model_copy(update={"public_base_url": f"https://localhost:{port}"})
            found = endpoints.endpoints(replace(here, place=Place(public, None)))
        told = [one for one in found if one.check.startswith("endpoint https:")]
        assert [one.state for one in told] == [State.WARNING, State.WARNING]
        assert "not trusted" in told[0].found
        assert "install.sh" in told[0].remedy

    def test_a_token_is_sent_where_there_is_one(self, site: MakeSite) -> None:
        with up(site(metrics_token="t" * 20)) as here:
            assert endpoints.endpoints(here)[-1].state is State.OK

    def test_figures_behind_a_key_are_passed_over(self, site: MakeSite) -> None:
        with up(site(api_keys_required=True)) as here:
            finding = endpoints.endpoints(here)[-1]
        assert (finding.check.rpartition("/")[2], finding.state) == ("metrics", State.SKIPPED)

    def test_the_version_that_runs_is_compared(self, site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
        with up(site()) as here:
            assert states(endpoints.versions(here))["version"] is State.OK
            monkeypatch.setattr(endpoints, "__version__", "99.0.0")
            finding = endpoints.versions(here)[-1]
        assert (finding.state, finding.found) == (State.WARNING, f"{__version__} runs, and 99.0.0 is installed")
        assert endpoints.versions(here)[-1].state is State.SKIPPED


class TestSchema:
    def test_this_version_s_is_well(self, site: MakeSite) -> None:
        assert states(store.schema(site())) == {"schema": State.OK}

    def test_what_to_do_about_others_is_said(self, site: MakeSite, tmp_path: Path) -> None:
        none = Site(Place(settings_of(tmp_path / "other"), None))
        assert store.schema(none)[0].remedy == "pdfsmaller admin init"
        here = site()
        for version, remedy in (("v0001", "admin migrate"), ("v9999", "install the version")):
            _write(tmp_path / "jobs.db", f"UPDATE alembic_version SET version_num = '{version}'")
            [finding] = store.schema(here)
            assert finding.state is State.FAILED
            assert remedy in finding.remedy


class TestWorkers:
    def test_that_there_is_none_is_told(self, site: MakeSite) -> None:
        assert states(store.workers(site())) == {"workers": State.FAILED}

    @pytest.mark.parametrize(
        ("worker", "state", "said"),
        [
            (WORKER, "ok", "1 on 1 host(s)"),
            (replace(WORKER, version="0.0.1"), "warning", "version 0.0.1"),
            (replace(WORKER, bounds=("rlimit_as",)), "warning", "landlock"),
        ],
    )
    def test_how_they_are_is_told(self, site: MakeSite, worker: WorkerInfo, state: str, said: str) -> None:
        here = site()
        assert here.world.workers
        here.world.workers.seen(worker)
        [finding] = store.workers(here)
        assert (finding.state, said in finding.found) == (state, True)


class TestBacklog:
    def test_what_waits_is_told_by_its_age(self, site: MakeSite, tmp_path: Path) -> None:
        here = site()
        assert states(store.backlog(here)) == {"queue": State.OK, "dead letters": State.OK}
        here.world.queue.announce(ObjectCreated("uploads", "jobs/x/in/0", "1"))
        for age, state in ((60, "ok"), (600, "warning"), (7_200, "failed")):
            _write(tmp_path / "jobs.db", f"UPDATE messages SET visible_at = {time.time() - age}")
            found = {one.check: one for one in store.backlog(here)}
            assert found["queue"].state == state
            assert found["queue"].found.startswith("1 wait")

    def test_dead_letters_are_told(self, site: MakeSite, tmp_path: Path) -> None:
        here = site()
        here.world.queue.announce(ObjectCreated("uploads", "jobs/x/in/0", "1"))
        _write(tmp_path / "jobs.db", f"UPDATE messages SET dead_at = {time.time()}")
        found = {one.check: one for one in store.backlog(here)}
        assert (found["queue"].state, found["dead letters"].state) == (State.OK, State.WARNING)
        assert found["dead letters"].found.startswith("1 message(s)")


@pytest.mark.parametrize(
    ("look", "name", "ages"),
    [
        (store.cleanup, "cleanup_last_run_timestamp_seconds", {30: "ok", 3_000: "warning", 8_000: "failed"}),
        (store.backup, "backup_last_success_timestamp_seconds", {3_600: "ok", 150_000: "warning", 400_000: "failed"}),
    ],
)
def test_when_it_was_last_done_is_told(
    site: MakeSite, look: Callable[[Site], list[object]], name: str, ages: dict[int, str]
) -> None:
    here = site()
    assert look(here)[0].state is State.WARNING  # type: ignore[attr-defined]
    assert here.world.figures
    for age, state in ages.items():
        here.world.figures.set(Figure(name, time.time() - age))
        assert look(here)[0].state == state  # type: ignore[attr-defined]


def test_a_backup_in_the_folder_counts(site: MakeSite, tmp_path: Path) -> None:
    here = site(backup_dir=str(tmp_path / "backups"))
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "pdfsmaller-20200101T000000Z.tar").touch()
    assert store.backup(here)[0].state is State.FAILED
    (tmp_path / "backups" / f"pdfsmaller-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.tar").touch()
    assert store.backup(here)[0].state is State.OK


def _write(path: Path, statement: str) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as database:
        database.execute(statement)
        database.commit()
