"""All checks together: whatever one of them does, there is a report."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pdfsmaller.errors import StoreUnavailable
from pdfsmaller.operating.doctor.examine import CHECKS, Check, Needs, Report, examine, looked_at
from pdfsmaller.operating.doctor.finding import Finding, State, failed, ok, skipped, warning
from pdfsmaller.operating.doctor.site import Site
from tests.operating.doctor.conftest import settings_of, states

pytestmark = pytest.mark.usefixtures("own_environment")


def test_one_that_raises_is_a_finding(site: Callable[..., Site]) -> None:
    def broken(site: Site) -> list[Finding]:
        raise ZeroDivisionError("division by\nzero")

    def away(site: Site) -> list[Finding]:
        raise StoreUnavailable("The database does not answer.")

    well = Check("well", lambda _: [ok("well", "x")])
    found = looked_at(site(), [Check("broken", broken), Check("away", away), well])
    assert [(one.check, one.state) for one in found[1:]] == [
        ("broken", State.FAILED),
        ("away", State.FAILED),
        ("well", State.OK),
    ]
    assert found[1].found == "could not look: ZeroDivisionError: division by zero"
    assert found[2].found == "could not look: The database does not answer."


def test_one_that_hangs_is_left_behind(site: Callable[..., Site]) -> None:
    never = threading.Event()

    def hang(site: Site) -> list[Finding]:
        never.wait()
        return []

    found = looked_at(site(), [Check("hang", hang)], seconds=0.5)
    never.set()
    assert (found[-1].check, found[-1].state) == ("hang", State.FAILED)
    assert "in its time" in found[-1].found


def test_without_tables_the_store_is_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_of(tmp_path).model_dump(include={"database_url", "storage_url", "secret_key"}).items():
        monkeypatch.setenv(name.upper(), value)
    report, _ = examine(data=None)
    found = states(list(report.findings))
    assert (found["settings"], found["schema"]) == (State.OK, State.FAILED)
    of_store = {check.name for check in CHECKS if check.needs is Needs.STORE}
    assert {found[name] for name in of_store} == {State.SKIPPED}
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"


def test_settings_that_cannot_be_used_leave_the_host_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_FILE_SIZE", "nonsense")
    report, site = examine(data=None)
    found = states(list(report.findings))
    assert (found["settings"], found["schema"], site.place) == (State.FAILED, State.SKIPPED, None)
    assert "MAX_FILE_SIZE" in report.findings[0].found
    assert "memory" in found
    assert report.state is State.FAILED


def test_what_is_no_service_is_said(tmp_path: Path) -> None:
    for data in (tmp_path, tmp_path / "none", None):
        report, _ = examine(data=data)
        assert (report.findings[0].check, report.findings[0].state) == ("settings", State.FAILED)
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"


def test_the_worst_counts() -> None:
    def worst(*findings: Finding) -> State:
        return Report(findings, 0.0).state

    fine, odd, bad = ok("a", ""), warning("b", "", ""), failed("c", "", "")
    assert worst(fine, skipped("d", "")) is State.OK
    assert worst(fine, odd) is State.WARNING
    assert worst(odd, bad, fine) is State.FAILED


def test_each_name_is_one_check_s() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
