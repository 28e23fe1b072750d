"""Each alarm of template.yaml fires: the function is made to fail, and what the alarm reads is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from cfnlint.decode.cfn_yaml import load as load_template

from tests import documents
from tests.aws_stack import Stack
from tests.functions.calls import ROOT, Context, function_url_event, sqs_event


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return dict(load_template(str(ROOT / "template.yaml")))


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    return dict(template["Resources"])


def alarm(resources: dict[str, Any], metric: str) -> dict[str, Any]:
    alarms = [item["Properties"] for item in resources.values() if item["Type"] == "AWS::CloudWatch::Alarm"]
    [found] = [item for item in alarms if item["MetricName"] == metric]
    assert (found["Statistic"], found["Threshold"], found["ComparisonOperator"]) == ("Sum", 0, "GreaterThanThreshold")
    return dict(found)


def emitted(resources: dict[str, Any], metric: str, function: str, said: str) -> float:
    """What of a log an alarm on ``metric`` reads (CloudWatch's embedded metric format)."""
    watching = alarm(resources, metric)
    dimensions = {d["Name"]: d["Value"] for d in watching["Dimensions"]}
    assert dimensions.pop("FunctionName") == {"Ref": f"{function}Function"}
    service = resources[f"{function}Function"]["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    assert dimensions == {"service": service}
    total = 0.0
    for line in said.splitlines():
        blob = json.loads(line) if line.startswith("{") and "_aws" in line else {"_aws": {"CloudWatchMetrics": []}}
        for directive in blob["_aws"]["CloudWatchMetrics"]:
            named = {m["Name"] for m in directive["Metrics"]}
            if directive["Namespace"] == watching["Namespace"] and metric in named:
                assert [set(names) for names in directive["Dimensions"]] == [{"service", "FunctionName"}]
                assert (blob["service"], blob["FunctionName"]) == (service, f"stack-{service}")
                total += sum(blob[metric]) if isinstance(blob[metric], list) else blob[metric]
    return total


@pytest.fixture
def on_lambda(template: dict[str, Any], deployed: Stack, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes this process look like a function of the stack."""

    def become(service: str) -> None:
        variables = template["Globals"]["Function"]["Environment"]["Variables"]
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", f"stack-{service}")
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", service)
        monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", variables["POWERTOOLS_METRICS_NAMESPACE"])

    return become


def test_the_upload_alarm_reads_that_a_500_left_the_handler(
    resources: dict[str, Any], on_lambda: Callable[[str], None], deployed: Stack
) -> None:
    from upload.main import lambda_handler

    assert alarm(resources, "Url5xxCount")["Namespace"] == "AWS/Lambda"
    on_lambda("upload")
    boto3.client("dynamodb").delete_table(TableName=deployed.settings.jobs_table)
    answer = lambda_handler(function_url_event("GET", "/api/jobs/0123456789abcdef0123456789abcdef"), Context())
    assert answer["statusCode"] == 500


def test_the_compress_alarm_reads_failed_attempts(
    resources: dict[str, Any],
    on_lambda: Callable[[str], None],
    deployed: Stack,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from compress.main import lambda_handler

    on_lambda("compress")
    deployed.drop("inbox/a.pdf", documents.text(1))
    boto3.client("dynamodb").delete_table(TableName=deployed.settings.jobs_table)
    assert lambda_handler(sqs_event(deployed, deployed.event("inbox/a.pdf")), Context())["batchItemFailures"]
    assert emitted(resources, "FailedAttempts", "Compress", capsys.readouterr().out) == 1


def test_the_cleanup_alarm_reads_parts_that_failed(
    resources: dict[str, Any],
    on_lambda: Callable[[str], None],
    deployed: Stack,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from cleanup.main import lambda_handler

    on_lambda("cleanup")
    boto3.client("dynamodb").delete_table(TableName=deployed.settings.jobs_table)
    failed = lambda_handler({}, Context())["errors"]
    assert failed > 0
    assert emitted(resources, "CleanupErrors", "Cleanup", capsys.readouterr().out) == failed


def test_nothing_is_counted_where_nobody_reads_it(
    deployed: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pdfsmaller import telemetry

    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    telemetry.count("FailedAttempts")
    assert "_aws" not in capsys.readouterr().out
