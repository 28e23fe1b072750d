"""What ``template.yaml`` says that the local runner needs: which environment variable a parameter becomes.

Names and defaults stand in the template alone. What differs on a laptop stands in ``config.Config.all_parameters``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pdfsmaller_local.problems import Problem

#: Not taken from the environment: the emulator gives its functions its own address.
_NOT_OURS = "AWS_ENDPOINT_URL"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: ``!Ref X`` is ``{"Ref": "X"}``, ``!If […]`` is ``{"If": […]}``."""


def _short_form(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    raise yaml.constructor.ConstructorError(None, None, f"!{name} of a mapping", node.start_mark)


_Loader.add_multi_constructor("!", _short_form)


@cache
def parameters_by_variable(template: Path) -> dict[str, str]:
    """The parameter that sets each environment variable of the functions, for those variables that a parameter sets.

    Raises:
        Problem: the template is no YAML, or has no functions.
    """
    try:
        content = yaml.load(template.read_text(), Loader=_Loader)
        environments = [content["Globals"]["Function"]["Environment"]["Variables"]]
        for resource in content["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                environments.append(resource["Properties"]["Environment"]["Variables"])
    except (yaml.YAMLError, KeyError, TypeError) as exc:
        raise Problem(f"{template.name} cannot be read: {exc}", "Correct it; make lint says where.") from exc
    found = {}
    for variables in environments:
        for variable, value in variables.items():
            named = [name for name in _references(value) if name in content["Parameters"]]
            if named and variable != _NOT_OURS:
                found[variable] = named[0]
    return found


def _references(value: Any) -> Iterator[str]:
    """The names in every ``!Ref`` of a value."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "Ref":
                yield str(item)
            else:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
