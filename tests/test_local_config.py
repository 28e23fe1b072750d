"""The local stack's parameters: the template's, but for what differs on one machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "localstack"))

from pdfsmaller_local.config import TEMPLATE, Config
from pdfsmaller_local.problems import Problem
from pdfsmaller_local.template import parameters_by_variable

from pdfsmaller.settings import Settings


def parameters(state: Path, **environ: str) -> dict[str, str]:
    return Config(state=state, port=18080, emulator_port=14566, environ=environ).all_parameters()


def test_nothing_is_set_but_what_differs_here(tmp_path: Path) -> None:
    made = parameters(tmp_path)
    assert made.pop("SecretKey") == (tmp_path / "secret-key").read_text()
    assert int(made.pop("MaximumConcurrency")) >= 2
    assert made == {
        "UniqueBucketNames": "false",
        "AllowedOrigins": "http://localhost:18080,http://127.0.0.1:18080",
        "PublicBaseUrl": "http://localhost:18080",
        "S3PublicEndpointUrl": "http://localhost:14566",
    }


@pytest.mark.parametrize(
    ("variable", "parameter"),
    [
        ("MAX_FILE_SIZE", "MaxFileSize"),
        ("ENGINE_TIMEOUT_SECONDS", "EngineTimeoutSeconds"),
        ("METRICS_ENABLED", "MetricsEnabled"),
        ("DROP_MAX_AGE_HOURS", "DropMaxAgeHours"),  # by way of a condition
        ("ALLOWED_ORIGINS", "AllowedOrigins"),  # by way of a join, and over what follows from the port
        ("API_KEYS_REQUIRED", "ApiKeysRequired"),  # upload's own
        ("SECRET_KEY", "SecretKey"),
        ("MAXIMUM_CONCURRENCY", "MaximumConcurrency"),  # no setting of the functions
    ],
)
def test_settings_reach_the_parameter_that_makes_them(tmp_path: Path, variable: str, parameter: str) -> None:
    assert parameters(tmp_path, **{variable: "given"})[parameter] == "given"


def test_what_is_empty_is_not_set(tmp_path: Path) -> None:
    assert "MaxFileSize" not in parameters(tmp_path, MAX_FILE_SIZE="")


def test_a_tests_own_parameters_come_over_the_environments(tmp_path: Path) -> None:
    config = Config(state=tmp_path, environ={"MAX_FILES": "7"}, parameters={"MaxFiles": "3"})
    assert config.all_parameters()["MaxFiles"] == "3"


def test_every_variable_found_is_a_setting() -> None:
    assert {name.lower() for name in parameters_by_variable(TEMPLATE)} <= set(Settings.model_fields)


def test_a_template_that_cannot_be_read_is_a_problem_with_a_remedy(tmp_path: Path) -> None:
    broken = tmp_path / "template.yaml"
    broken.write_text("Globals: [")
    with pytest.raises(Problem, match=r"template\.yaml cannot be read"):
        parameters_by_variable(broken)
