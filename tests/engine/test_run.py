"""What the steps of a run share."""

from __future__ import annotations

from pdfsmaller.engine.run import begin
from pdfsmaller.limits import Limits


def test_a_run_begins_with_what_was_given_and_says_nothing() -> None:
    run = begin("options", None, None)
    run.progress("open", 0)
    assert (run.options, run.limits, run.warnings) == ("options", Limits(), [])


def test_time_that_is_reserved_is_none_of_the_deadline_s() -> None:
    limits = Limits(soft_seconds=100.0)
    assert 90 < begin(None, limits, None).deadline.left() <= 100
    assert 20 < begin(None, limits, None, reserved=70.0).deadline.left() <= 30


def test_stages_are_told_where_they_begin_and_timed() -> None:
    stages: list[str] = []
    run = begin(None, None, None, begins=stages.append)
    with run.watch.stage("write"):
        pass
    assert stages == ["write"]
    assert run.watch.seconds().keys() == {"write", "total"}


def test_warnings_come_every_time_or_once() -> None:
    run = begin(None, None, None)
    run.warn("skipped", "a.png was left out.")
    run.warn("skipped", "a.png was left out.")
    run.warn_once("encrypted", "The result is encrypted.")
    run.warn_once("encrypted", "The result is encrypted.")
    assert [warning.code for warning in run.warnings] == ["skipped", "skipped", "encrypted"]
    assert run.warned_of() == {"skipped", "encrypted"}
