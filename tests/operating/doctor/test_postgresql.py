"""The doctor and a PostgreSQL: one whose clock is another, one that is away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pdfsmaller.operating.doctor import clock
from pdfsmaller.operating.doctor.examine import CHECKS, SCHEMA, Needs, looked_at
from pdfsmaller.operating.doctor.finding import State
from pdfsmaller.operating.doctor.site import Site
from pdfsmaller.operating.place import Place
from tests import postgres
from tests.operating.doctor.conftest import settings_of, states

_OF_THE_STORE = [check for check in CHECKS if check.needs is Needs.STORE]


@pytest.fixture
def name(postgres_server: postgres.Server) -> Iterator[str]:
    with postgres_server.new_database() as name:
        yield name


@pytest.fixture
def site(postgres_server: postgres.Server, name: str, tmp_path: Path) -> Site:
    return Site(Place(settings_of(tmp_path, database_url=postgres_server.url(name)), None))


def test_it_is_looked_into(site: Site) -> None:
    found = states(looked_at(site, _OF_THE_STORE))
    assert (found["schema"], found["clock of the database"]) == (State.OK, State.OK)
    assert (found["workers"], found["dead letters"]) == (State.FAILED, State.OK)


@pytest.mark.parametrize(("seconds", "state"), [(10, "warning"), (-10, "warning"), (100, "failed")])
def test_a_clock_that_is_another_is_told(
    site: Site, postgres_server: postgres.Server, name: str, seconds: float, state: str
) -> None:
    postgres_server.forward(name, seconds)
    [finding] = clock.clock_of_the_database(site)
    assert finding.state == state
    assert ("ahead of" if seconds > 0 else "behind") in finding.found


def test_one_that_is_away_is_told_once(site: Site, postgres_server: postgres.Server) -> None:
    postgres_server.stop("immediate")
    try:
        found = states(looked_at(site, _OF_THE_STORE))
    finally:
        postgres_server.start()
    assert found.pop(SCHEMA.name) is State.FAILED
    assert set(found.values()) == {State.SKIPPED}
