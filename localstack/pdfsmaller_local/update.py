"""Puts changed source into a stack that runs, by Lambda's own calls: quicker than a deployment, and nothing else moves.

The next start deploys the template as a whole, as always.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pdfsmaller_local.clients import Clients
from pdfsmaller_local.config import Config
from pdfsmaller_local.package import packages
from pdfsmaller_local.problems import Problem


def update(config: Config, clients: Clients) -> None:
    """Give every function of the stack the source tree's code, and a new version of the layer that holds the package.

    Raises:
        Problem: the emulator refuses it; what ran before goes on.
    """
    try:
        _update(config, clients)
    except (BotoCoreError, ClientError) as exc:
        raise Problem(f"The code could not be updated: {exc}", "Mend it, or start again.") from exc


def _update(config: Config, clients: Clients) -> None:
    zips = packages()
    lambda_ = clients("lambda")
    answer = clients("cloudformation").describe_stack_resources(StackName=config.stack_name)
    found = {item["LogicalResourceId"]: item for item in answer["StackResources"]}
    core = _layer_name(found)
    version = lambda_.publish_layer_version(LayerName=core, Content={"ZipFile": zips["layers/core/"]})
    for item in found.values():
        if item["ResourceType"] != "AWS::Lambda::Function":
            continue
        function = item["PhysicalResourceId"]
        lambda_.update_function_code(FunctionName=function, ZipFile=zips["functions/"])
        _wait(lambda_, function)
        layers = [layer["Arn"] for layer in lambda_.get_function_configuration(FunctionName=function)["Layers"]]
        layers = [version["LayerVersionArn"] if _name(arn) == core else arn for arn in layers]
        lambda_.update_function_configuration(FunctionName=function, Layers=layers)
        _wait(lambda_, function)


def _layer_name(resources: dict[str, Any]) -> str:
    """The core layer's name. SAM gives a layer's resource a hash at its end."""
    for name, item in resources.items():
        if item["ResourceType"] == "AWS::Lambda::LayerVersion" and name.startswith("CoreLayer"):
            return _name(item["PhysicalResourceId"])
    raise Problem("The stack has no layer CoreLayer.", "Name it so in template.yaml, or correct update.py.")


def _name(arn: str) -> str:
    return arn.split(":")[6]


def _wait(lambda_: Any, function: str) -> None:
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
