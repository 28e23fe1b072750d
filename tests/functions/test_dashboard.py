"""The dashboard of template.yaml shows what is there: metrics that AWS has, and those that the functions send."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load as load_template

from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.states import Status
from tests import documents
from tests.aws_stack import Stack
from tests.functions.calls import Context, sqs_event
from tests.functions.test_alarms import ROOT, on_lambda, template

__all__ = ["on_lambda", "template"]

_OF_QUEUES = ("AgeOfOldestMessage", "NumberOfMessagesNotVisible", "NumberOfMessagesVisible")
#: Those of AWS that are shown, with the dimension that they have. From "Monitoring Lambda functions" (Function URLs
#: too) and "Available CloudWatch metrics for Amazon SQS".
OF_AWS = {
    "AWS/Lambda": (
        "FunctionName",
        {
            "ConcurrentExecutions",
            "Duration",
            "Errors",
            "Throttles",
            "Url4xxCount",
            "Url5xxCount",
            "UrlRequestCount",
            "UrlRequestLatency",
        },
    ),
    "AWS/SQS": ("QueueName", {f"Approximate{what}" for what in _OF_QUEUES}),
}
#: Sent only where something of ours fails; the alarms' tests see them sent.
OF_ALARMS = {"FailedAttempts", "CleanupErrors", "CallbackErrors"}
SEARCH = re.compile(r"SEARCH\('\{PdfSmaller,([\w,]+)\} MetricName=\"(\w+)\" (.*)', '(Sum)', 300\)")

Series = tuple[str, frozenset[str]]


@pytest.fixture(scope="module")
def body() -> dict[str, Any]:
    """The dashboard, with names as a stack called ``stack`` has them."""
    resources = load_template(str(ROOT / "template.yaml"))["Resources"]
    text = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    names = {
        "AWS::Region": "eu-central-1",
        **{f"{name}Function": f"stack-{name.lower()}" for name in ("Upload", "Compress", "Cleanup")},
        "CallbackFunction": "stack-callbacks",
    }
    queues = ("CompressQueue", "DeadLetterQueue", "CallbackQueue", "CallbackDeadLetterQueue")
    names |= {f"{queue}.QueueName": queue for queue in queues}
    filled = re.sub(r"\$\{([^}]+)\}", lambda found: names[found[1]], text)
    return dict(json.loads(filled))


def shown(body: dict[str, Any]) -> Iterator[list[Any]]:
    """Each metric, or expression, of each widget."""
    for widget in body["widgets"]:
        yield from widget["properties"]["metrics"]


def ours(body: dict[str, Any]) -> Iterator[tuple[Series, dict[str, str]]]:
    """The functions' own: what they are called, with the names of their dimensions, and which values are asked for."""
    for metric in shown(body):
        if metric[0] == "PdfSmaller":
            pairs = dict(zip(metric[2:-1:2], metric[3:-1:2], strict=True))
            yield (metric[1], frozenset(pairs)), pairs
        elif isinstance(metric[0], dict):
            found = SEARCH.search(metric[0]["expression"])
            assert found, metric[0]["expression"]
            yield (found[2], frozenset(found[1].split(","))), dict(re.findall(r"(\w+)=\"([^\"]+)\"", found[3]))


def test_widgets_lie_side_by_side(body: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body["widgets"]:
        assert (widget["type"], widget["properties"]["region"]) == ("metric", "eu-central-1")
        assert widget["x"] + widget["width"] <= 24
        place = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not place & taken
        taken |= place
    assert len({widget["properties"]["title"] for widget in body["widgets"]}) == len(body["widgets"])


def test_what_is_of_aws_is_called_as_aws_calls_it(body: dict[str, Any]) -> None:
    named = [metric for metric in shown(body) if isinstance(metric[0], str)]
    assert {metric[0] for metric in named} == {*OF_AWS, "PdfSmaller"}
    namespaces = [metric for metric in named if metric[0] in OF_AWS]
    assert {metric[1] for metric in namespaces} == OF_AWS["AWS/Lambda"][1] | OF_AWS["AWS/SQS"][1]
    for namespace, name, dimension, _, options in namespaces:
        assert (dimension, name in OF_AWS[namespace][1]) == (OF_AWS[namespace][0], True)
        assert re.fullmatch(r"Sum|Maximum|p50|p95", options["stat"])


def sent(said: str) -> dict[Series, list[dict[str, Any]]]:
    """What of a log CloudWatch takes as metrics (its embedded format)."""
    found: dict[Series, list[dict[str, Any]]] = {}
    for line in said.splitlines():
        blob = json.loads(line) if line.startswith("{") and "_aws" in line else {"_aws": {"CloudWatchMetrics": []}}
        for directive in blob["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == "PdfSmaller"
            [dimensions] = directive["Dimensions"]
            for metric in directive["Metrics"]:
                found.setdefault((metric["Name"], frozenset(dimensions)), []).append(blob | {"unit": metric["Unit"]})
    return found


@pytest.fixture
def everything(
    on_lambda: Callable[[str], None], deployed: Stack, capsys: pytest.CaptureFixture[str]
) -> dict[Series, list[dict[str, Any]]]:
    """What is sent where jobs succeed, fail and are cancelled, and where cleanup has something to do."""
    from cleanup.main import lambda_handler as clean_up
    from compress.main import lambda_handler as compress
    from upload.main import _app

    on_lambda("compress")
    for name, data in (("a", documents.photo_jpeg()), ("broken", b"%PDF-1.4 broken")):
        deployed.drop(f"inbox/{name}.pdf", data)
        assert not compress(sqs_event(deployed, deployed.event(f"inbox/{name}.pdf")), Context())["batchItemFailures"]
    on_lambda("upload")
    client = _app().test_client()
    made = client.post("/api/compress", data={"files": (io.BytesIO(documents.text(1)), "a.pdf")}).get_json()
    assert client.delete(f"/api/jobs/{made['job_id']}").status_code == 204
    now = deployed.jobs.now()
    assert deployed.jobs.create(Job(new_id(), Status.QUEUED, now, now, now - 60))  # its message was lost
    on_lambda("cleanup")
    clean_up({}, Context())
    return sent(capsys.readouterr().out)


def test_what_is_of_ours_is_sent_as_it_is_asked_for(
    body: dict[str, Any], everything: dict[Series, list[dict[str, Any]]]
) -> None:
    asked = list(ours(body))
    alarms = [(series, pairs) for series, pairs in asked if series[0] in OF_ALARMS]
    assert {series for series, _ in alarms} == {(name, frozenset({"service", "FunctionName"})) for name in OF_ALARMS}
    missing = {series for series, _ in asked if series[0] not in OF_ALARMS} - set(everything)
    assert missing == set()
    for (name, _), pairs in asked:
        if "service" in pairs:
            assert pairs["FunctionName"] == f"stack-{pairs['service']}", name


def test_each_end_is_sent_once_with_the_unit_of_its_kind(everything: dict[Series, list[dict[str, Any]]]) -> None:
    own = {"service", "FunctionName"}
    ends = everything["jobs_ended_total", frozenset(own | {"operation", "outcome"})]
    told = [(end["FunctionName"], end["outcome"], end["jobs_ended_total"], end["unit"]) for end in ends]
    assert told == [
        ("stack-compress", "succeeded", [1.0], "Count"),
        ("stack-compress", "failed", [1.0], "Count"),
        ("stack-upload", "cancelled", [1.0], "Count"),
    ]
    units = {name: lines[0]["unit"] for (name, _), lines in everything.items()}
    assert units["job_duration_seconds"] == units["cleanup_last_run_timestamp_seconds"] == "Seconds"
    assert (units["file_size_processed_bytes_total"], units["compression_ratio"]) == ("Bytes", "None")


def test_nothing_is_sent_elsewhere(
    deployed: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    job, _ = _reserved(deployed)
    deployed.world.ends.cancel(job, kept_seconds=60)
    assert "_aws" not in capsys.readouterr().out


def _reserved(stack: Stack) -> Any:
    from pdfsmaller.services.submit import SubmitService

    return SubmitService(stack.world).reserve_upload({"name": "a.pdf"})
