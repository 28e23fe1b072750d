"""Deploys ``template.yaml`` to an emulator through CloudFormation, as AWS would be deployed to.

The template goes as it is, by way of a deployment bucket: it is longer than CloudFormation takes with a request. Only
the paths of code and layers become places in that bucket, and one reference becomes its number. A stack that already is
what would be deployed is left alone, so that a restart takes no time: the stack's ``digest`` tag tells.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pdfsmaller_local.clients import Clients
from pdfsmaller_local.config import TEMPLATE, Config
from pdfsmaller_local.package import digest, packages
from pdfsmaller_local.problems import Problem

_BUCKET = "pdfsmaller-deploy"
_TAG = "pdfsmaller-digest"
_TIMEOUT_SECONDS = 120
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def deploy(config: Config, clients: Clients, template: Path = TEMPLATE) -> dict[str, str]:
    """Bring the stack to what the source tree says; its outputs by name.

    Raises:
        Problem: the deployment failed; with the first reason that CloudFormation gives.
    """
    try:
        return _deploy(config, clients, template)
    except (BotoCoreError, ClientError) as exc:
        raise Problem(f"The deployment failed: {exc}", "make reset empties the emulator; then try again.") from exc


def _deploy(config: Config, clients: Clients, template: Path) -> dict[str, str]:
    formation = clients("cloudformation")
    zips = packages()
    parameters = config.all_parameters()
    body = _with_concurrency(_with_uploaded_code(template.read_text(), zips), parameters)
    wanted = digest(repr((body, sorted(parameters.items()))).encode())

    stack = _describe(formation, config.stack_name)
    if stack and stack["StackStatus"] in _DONE and _tag(stack) == wanted:
        return _outputs(stack)

    url = _upload(clients("s3"), zips, body)
    request: dict[str, Any] = {
        "StackName": config.stack_name,
        "TemplateURL": url,
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Tags": [{"Key": _TAG, "Value": wanted}],
    }
    if stack and stack["StackStatus"] in (*_DONE, "UPDATE_ROLLBACK_COMPLETE"):
        formation.update_stack(**request)
    else:
        if stack:  # a creation that failed cannot be updated, only deleted
            formation.delete_stack(StackName=config.stack_name)
            _wait(formation, config.stack_name)
        formation.create_stack(**request)
    return _outputs(_wait(formation, config.stack_name))


def _with_uploaded_code(template: str, zips: dict[str, bytes]) -> str:
    for path, data in zips.items():
        place = f"s3://{_BUCKET}/{digest(data)}.zip"
        changed = template.replace(f"CodeUri: {path}\n", f"CodeUri: {place}\n")
        changed = changed.replace(f"ContentUri: {path}\n", f"ContentUri: {place}\n")
        if changed == template:
            raise Problem(f"template.yaml names no code or layer at {path}", "Name it there, or correct package.py.")
        template = changed
    return template


def _with_concurrency(template: str, parameters: dict[str, str]) -> str:
    """Put MaximumConcurrency in as a number.

    CloudFormation makes a number of a Ref where a property wants one. MiniStack 1.5.33 keeps the text here, and its
    SQS poller then fails to compare it with a count. (Elsewhere it does as it should.)
    """
    value = parameters["MaximumConcurrency"]
    return template.replace("MaximumConcurrency: !Ref MaximumConcurrency", f"MaximumConcurrency: {value}")


def _upload(s3: Any, zips: dict[str, bytes], template: str) -> str:
    """Put everything into the deployment bucket; the template's address there."""
    if _BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=_BUCKET)
    for data in zips.values():
        s3.put_object(Bucket=_BUCKET, Key=f"{digest(data)}.zip", Body=data)
    key = f"{digest(template.encode())}.yaml"
    s3.put_object(Bucket=_BUCKET, Key=key, Body=template.encode())
    return f"{s3.meta.endpoint_url}/{_BUCKET}/{key}"


def _describe(formation: Any, name: str) -> dict[str, Any] | None:
    try:
        stack: dict[str, Any] = formation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as exc:
        if "does not exist" in str(exc):
            return None
        raise
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def _wait(formation: Any, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        stack = _describe(formation, name)
        status = stack["StackStatus"] if stack else "DELETE_COMPLETE"
        if status in _DONE or status == "DELETE_COMPLETE":
            return stack or {}
        if not status.endswith("_IN_PROGRESS") or time.monotonic() > deadline:
            raise Problem(
                f"The deployment ended in {status}: {_first_failure(formation, name)}",
                "Mend template.yaml, or run make reset where old data is in the way; then try again.",
            )
        time.sleep(0.1)


def _first_failure(formation: Any, name: str) -> str:
    events = formation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event.get("ResourceStatus", "").endswith("_FAILED")]
    oldest = min(failed, key=lambda event: event["Timestamp"], default=None)
    return f"{oldest['LogicalResourceId']}: {oldest.get('ResourceStatusReason')}" if oldest else "no reason is given"


def _tag(stack: dict[str, Any]) -> str | None:
    return next((tag["Value"] for tag in stack.get("Tags", []) if tag["Key"] == _TAG), None)


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
