"""CloudFormation with lasting names, short waits and its parameters checked.

The stack is deployed anew at each start. On AWS a resource keeps the name that was once made up for it; here such a
name follows from the stack's name and the resource's, so that what a table held finds its table again. LocalStack looks
every five seconds whether a function is ready; here, ten times a second. And it takes any value for a parameter; here
what the template allows counts, as on AWS.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from localstack.aws.api import handler
from localstack.config import CFN_PER_RESOURCE_TIMEOUT
from localstack.services.cloudformation import api_utils, provider_utils
from localstack.services.cloudformation.engine import template_preparer
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor
from localstack.services.cloudformation.v2.provider import CloudformationProviderV2

_LOOK_SECONDS = 0.1


class Provider(CloudformationProviderV2):
    """LocalStack's, with its parameters checked."""

    @handler("CreateStack", expand=False)
    def create_stack(self, context: Any, request: Any) -> Any:
        _check(request)
        return super().create_stack(context, request)

    @handler("UpdateStack", expand=False)
    def update_stack(self, context: Any, request: Any) -> Any:
        _check(request)
        return super().update_stack(context, request)


def install() -> None:
    """Have CloudFormation use these names and waits from now on."""
    provider_utils.generate_default_name = stable_name
    ResourceProviderExecutor.deploy_loop.__defaults__ = (CFN_PER_RESOURCE_TIMEOUT, _LOOK_SECONDS)


def stable_name(stack_name: str, logical_resource_id: str) -> str:
    """At most 63 characters, beginning with the stack's name and the resource's."""
    suffix = hashlib.sha256(f"{stack_name}/{logical_resource_id}".encode()).hexdigest()[:8]
    resource = logical_resource_id[:24]
    return f"{stack_name[: 61 - len(suffix) - len(resource)]}-{resource}-{suffix}"


def _check(request: Any) -> None:
    if not (request.get("TemplateBody") or request.get("TemplateURL")):
        return
    body = api_utils.extract_template_body(request)
    given = {each["ParameterKey"]: each.get("ParameterValue") for each in request.get("Parameters") or []}
    declared = template_preparer.parse_template(body).get("Parameters") or {}
    for name, parameter in declared.items():
        if given.get(name) is not None and (wrong := complaint(parameter, str(given[name]))):
            raise ValidationError(f"Parameter '{name}' {wrong}")


def complaint(parameter: dict[str, Any], value: str) -> str | None:
    """Why a template's parameter does not allow a value, in AWS's words, or None."""
    if (allowed := parameter.get("AllowedValues")) and value not in map(str, allowed):
        return f"must be one of AllowedValues: {', '.join(map(str, allowed))}"
    if (pattern := parameter.get("AllowedPattern")) and not re.fullmatch(pattern, value):
        return f"must match pattern {pattern}"
    if len(value) < int(parameter.get("MinLength", 0)):
        return f"must contain at least {parameter['MinLength']} characters"
    if parameter.get("Type") != "Number":
        return None
    try:
        number = float(value)
    except ValueError:
        return "must be a number"
    if number < float(parameter.get("MinValue", number)):
        return f"must be a number not less than {parameter['MinValue']}"
    if number > float(parameter.get("MaxValue", number)):
        return f"must be a number not greater than {parameter['MaxValue']}"
    return None
