"""A setting has one home, ``pdfsmaller.settings``: what else names it is made from there or agrees with it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load as load_template
from pydantic import AliasChoices, TypeAdapter, ValidationError

from docs import settings as settings_docs
from pdfsmaller.settings import OWN_SERVER, Settings

ROOT = Path(__file__).parents[1]

#: Settings that no parameter of template.yaml sets, and why.
NO_PARAMETER = {
    "uploads_bucket": "the stack's own bucket",
    "results_bucket": "the stack's own bucket",
    "compress_queue_url": "the stack's own queue",
    "dead_letter_queue_url": "the stack's own queue",
    "callback_queue_url": "the stack's own queue",
    "jobs_table": "the stack's own table",
}
#: Parameters whose default is not their setting's, and why.
OTHER_DEFAULT = {
    "secret_key": "without a key passwords could not be taken, and a key that stands in a template is none",
}
#: Variables of the functions that are other programs' settings.
OTHERS = {"AWS_ENDPOINT_URL", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_SERVICE_NAME"}

FIELDS = Settings.model_fields


def parameter_of(setting: str) -> str:
    """``max_file_size`` is set by ``MaxFileSize``."""
    return "".join(part.capitalize() for part in setting.split("_"))


#: Every variable that sets one: some have two.
KNOWN = {
    str(name).upper()
    for own, field in FIELDS.items()
    for name in (own, *(field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else ()))
}
ON_AWS = [name for name, field in FIELDS.items() if field.json_schema_extra != OWN_SERVER]
SET_BY_PARAMETERS = [name for name in ON_AWS if name not in NO_PARAMETER]


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return dict(load_template(str(ROOT / "template.yaml")))


@pytest.fixture(scope="module")
def parameters(template: dict[str, Any]) -> dict[str, Any]:
    return dict(template["Parameters"])


@pytest.fixture(scope="module")
def variables(template: dict[str, Any]) -> dict[str, Any]:
    """The functions' environment variables, shared ones and each function's own."""
    found = dict(template["Globals"]["Function"]["Environment"]["Variables"])
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            found |= resource["Properties"]["Environment"]["Variables"]
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("Ref"), str):
            yield value["Ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def as_set(setting: str, text: Any) -> Any:
    """What a setting is when its variable holds this text; pydantic's error where it takes no such text."""
    field = FIELDS[setting]
    text = str(text).lower() if isinstance(text, bool) else str(text)
    return TypeAdapter(field.rebuild_annotation()).validate_python(text)


def first_sentence(text: str) -> str:
    return re.split(r"(?<=\.)\s", text)[0]


# --- .env.example ---------------------------------------------------------------------------------------------------


def test_the_example_is_made_from_the_settings() -> None:
    assert settings_docs.EXAMPLE.read_text() == settings_docs.example(), "run: make docs"


def test_the_example_holds_every_setting_with_its_default_and_its_explanation() -> None:
    lines = settings_docs.EXAMPLE.read_text().splitlines()
    for name, field in FIELDS.items():
        place = lines.index(f"{name.upper()}={settings_docs.as_text(field)}")
        assert lines[place - 1].startswith("# "), name
        assert str(field.description).endswith("."), name
        assert as_set(name, settings_docs.as_text(field)) == field.default, name


@pytest.mark.parametrize("name", [name for name in FIELDS if re.search(r"(seconds|hours|(?<!pool_)size|bytes)$", name)])
def test_what_is_measured_names_its_unit(name: str) -> None:
    unit = {"size": "bytes"}.get(name.rsplit("_", 1)[1], name.rsplit("_", 1)[1])
    assert unit in first_sentence(str(FIELDS[name].description)).lower()


def test_the_example_names_the_local_runners_variables_as_they_are() -> None:
    sys.path.insert(0, str(ROOT / "localstack"))
    from pdfsmaller_local.config import Config

    local = settings_docs.EXAMPLE.read_text().partition("`make local` only")[2]
    given = dict(line.removeprefix("#").split("=") for line in local.splitlines()[1:])
    known = Config(state=Path())
    assert given == {name: str(getattr(known, name.lower())) for name in given}


@pytest.mark.parametrize("document", ["README.md", "localstack/README.md", "CONTRIBUTING.md"])
def test_documents_name_no_setting_that_does_not_exist(document: str) -> None:
    from_elsewhere = re.compile(
        r"AWS_|LOCALSTACK_|EMULATOR|SERVICE_URL|STACK_NAME|LOCAL_STATE_DIR|MAXIMUM_CONCURRENCY|NOT_|[A-Z]+_IAM"
    )
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", (ROOT / document).read_text()))
    assert {name for name in named if not from_elsewhere.match(name)} <= KNOWN


# --- template.yaml --------------------------------------------------------------------------------------------------


def test_every_variable_of_the_functions_is_a_setting(variables: dict[str, Any]) -> None:
    assert {name.lower() for name in set(variables) - OTHERS} <= set(ON_AWS)


def test_every_setting_is_set_on_aws(variables: dict[str, Any]) -> None:
    assert {name.upper() for name in ON_AWS} <= set(variables)


@pytest.mark.parametrize("name", SET_BY_PARAMETERS)
def test_a_setting_is_set_by_the_parameter_of_its_name(
    variables: dict[str, Any], parameters: dict[str, Any], name: str
) -> None:
    named = [found for found in references(variables[name.upper()]) if found in parameters]
    assert named == [parameter_of(name)]


@pytest.mark.parametrize("name", sorted(NO_PARAMETER))
def test_what_the_stack_makes_itself_has_no_parameter(
    variables: dict[str, Any], parameters: dict[str, Any], name: str
) -> None:
    assert parameter_of(name) not in parameters
    assert not [found for found in references(variables[name.upper()]) if found in parameters]


@pytest.mark.parametrize("name", SET_BY_PARAMETERS)
def test_parameters_have_their_settings_default(parameters: dict[str, Any], name: str) -> None:
    parameter = parameters[parameter_of(name)]
    if name in OTHER_DEFAULT:
        assert "Default" not in parameter
    else:
        assert as_set(name, parameter["Default"]) == FIELDS[name].default


@pytest.mark.parametrize("name", SET_BY_PARAMETERS)
def test_parameters_mean_what_their_setting_means(parameters: dict[str, Any], name: str) -> None:
    meaning = first_sentence(str(FIELDS[name].description))
    assert parameters[parameter_of(name)]["Description"].startswith(meaning)


@pytest.mark.parametrize("name", SET_BY_PARAMETERS)
def test_parameters_take_nothing_that_their_setting_refuses(parameters: dict[str, Any], name: str) -> None:
    parameter = parameters[parameter_of(name)]
    bounds = [parameter[bound] for bound in ("MinValue", "MaxValue") if bound in parameter]
    for value in [*bounds, *parameter.get("AllowedValues", [])]:
        as_set(name, value)
    if parameter["Type"] == "Number":
        assert "MinValue" in parameter
        with pytest.raises(ValidationError):
            as_set(name, "many")


@pytest.mark.parametrize("name", [name for name in SET_BY_PARAMETERS if re.search(r"(size|bytes)$", name)])
@pytest.mark.parametrize("size", ["500000000", "500MB", "1.5 GB"])
def test_sizes_are_written_in_the_same_ways(parameters: dict[str, Any], name: str, size: str) -> None:
    assert re.fullmatch(parameters[parameter_of(name)]["AllowedPattern"], size)
    as_set(name, size)
