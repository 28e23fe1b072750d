"""CloudFormation with lasting names and short waits. The stack is deployed anew at each start.

On AWS a resource keeps the name that was once made up for it. Here such a name follows from the stack's name and the
resource's, so that what a table held finds its table again. And LocalStack looks every five seconds whether a function
is ready; here, ten times a second.
"""

from __future__ import annotations

import hashlib

from localstack.config import CFN_PER_RESOURCE_TIMEOUT
from localstack.services.cloudformation import provider_utils
from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor

_LOOK_SECONDS = 0.1


def install() -> None:
    """Have CloudFormation use these from now on."""
    provider_utils.generate_default_name = stable_name
    ResourceProviderExecutor.deploy_loop.__defaults__ = (CFN_PER_RESOURCE_TIMEOUT, _LOOK_SECONDS)


def stable_name(stack_name: str, logical_resource_id: str) -> str:
    """At most 63 characters, beginning with the stack's name and the resource's."""
    suffix = hashlib.sha256(f"{stack_name}/{logical_resource_id}".encode()).hexdigest()[:8]
    resource = logical_resource_id[:24]
    return f"{stack_name[: 61 - len(suffix) - len(resource)]}-{resource}-{suffix}"
