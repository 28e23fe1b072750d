"""How the Lambda package is made: its locks, its cache, its limits, and what it says when something is missing.

What comes out is looked at in ``test_built_package.py``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from layers.packing import built_template, cuts, dependencies, pack, platforms, sizes
from layers.packing.errors import PackingError

ROOT = Path(__file__).resolve().parents[1]
NOWHERE = "http://127.0.0.1:9/simple"  # the discard port: nothing answers


def locked(file: Path) -> dict[str, str]:
    """Versions by name, as a lock has them."""
    found = re.findall(r"^(\S+)==(\S+)", file.read_text(), re.MULTILINE)
    return {name.replace("_", "-"): version for name, version in found}


def asked(file: Path) -> list[Requirement]:
    return [Requirement(line) for line in file.read_text().splitlines() if line and not line.startswith("#")]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and no index of packages."""
    monkeypatch.setattr(dependencies, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PIP_INDEX_URL", NOWHERE)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return tmp_path / "cache"


class TestLocks:
    @pytest.mark.parametrize("layer", dependencies.NAMES)
    def test_hold_what_is_asked_for(self, layer: str) -> None:
        for file in (ROOT / "layers" / layer).glob("requirements*.txt"):
            versions = locked(file.with_name(file.name.replace("requirements", "lock")))
            for requirement in asked(file):
                version = versions[requirement.name.lower()]
                assert requirement.specifier.contains(version), f"{requirement} and its lock differ → make lock"

    def test_agree_with_each_other(self) -> None:
        core, engine = (locked(ROOT / "layers" / layer / "lock.txt") for layer in dependencies.NAMES)
        assert {
            name: (core[name], engine[name]) for name in core.keys() & engine.keys() if core[name] != engine[name]
        } == {}

    def test_name_a_hash_for_every_file(self) -> None:
        for layer in dependencies.NAMES:
            for block in re.split(r"\n(?=\S)", (ROOT / "layers" / layer / "lock.txt").read_text().strip())[1:]:
                assert "--hash=sha256:" in block, block


class TestDependencies:
    def test_without_a_network_it_says_so_in_one_line(self, cache: Path) -> None:
        begun = time.monotonic()
        with pytest.raises(PackingError, match="network") as raised:
            dependencies.installed("engine", "x86_64")
        assert "\n" not in str(raised.value)
        assert time.monotonic() - begun < 60
        assert list(cache.iterdir()) == [], "nothing half done is left"

    def test_the_command_ends_with_that_line_and_exit_code_1(self, tmp_path: Path) -> None:
        environment = {**os.environ, "PATH": "/usr/bin:/bin"}
        command = [sys.executable, "-m", "layers.packing", "finish", str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert re.fullmatch(r"error: .*\n", done.stderr)

    def test_what_was_fetched_is_kept_and_a_stopped_build_leaves_nothing_that_counts(
        self, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[str] = []

        def pip(*arguments: str) -> str:
            calls.append(arguments[0])
            target = Path(arguments[arguments.index("--target") + 1])
            target.mkdir(exist_ok=True)
            (target / "module.py").touch()
            return ""

        cache.mkdir()
        (cache / "core-stopped").mkdir()  # as a killed build leaves it
        monkeypatch.setattr(dependencies, "_pip", pip)
        first = dependencies.installed("core", "x86_64")
        assert dependencies.installed("core", "x86_64") == first
        assert calls == ["install"]
        assert [path.name for path in first.iterdir()] == ["module.py"]

    def test_pip_is_asked_for_lambdas_platform(self) -> None:
        options = platforms.pip_options("arm64")
        assert {"--python-version=3.13", "--only-binary=:all:", "--platform=manylinux_2_28_aarch64"} <= set(options)


class TestCuts:
    def test_take_files_folders_and_foreign_services(self, tmp_path: Path) -> None:
        for name in ("bin/x", "a/b.pyi", "a/b.py", "a/__pycache__/b.pyc", "botocore/data/ec2/x", "botocore/data/s3/x"):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        (tmp_path / "botocore/data/endpoints.json").touch()
        cuts.cut(tmp_path)
        left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
        assert left == {"a/b.py", "botocore/data/s3/x", "botocore/data/endpoints.json"}

    def test_the_core_layer_has_all_of_our_package_that_a_function_may_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nothing = tmp_path / "nothing"
        nothing.mkdir()
        monkeypatch.setattr(pack, "installed", lambda name, arch: nothing)
        monkeypatch.setattr(pack, "_compile", lambda folder: None)
        pack.layer("core", "x86_64", tmp_path / "out")
        ours, packed = pack.ROOT / "shared" / "pdfsmaller", tmp_path / "out" / "python" / "pdfsmaller"
        expected = {path.relative_to(ours) for path in ours.rglob("*") if path.is_file()}
        rooms = ("cli", "client", "operating", "processes", "server", "services/backfill", "services/watch")
        elsewhere = tuple(map(Path, rooms))
        expected = {
            path
            for path in expected
            if "__pycache__" not in path.parts and not any(path.is_relative_to(room) for room in elsewhere)
        }
        assert {path.relative_to(packed) for path in packed.rglob("*") if path.is_file()} == expected
        assert {Path("http/static/page.js"), Path("http/templates/index.html")} <= expected


class TestCompiling:
    def test_without_lambdas_python_the_package_is_made_all_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv(pack.PYTHON_VARIABLE, str(tmp_path / "no-python"))
        pack.function("cleanup", tmp_path / "out")
        assert (tmp_path / "out" / "cleanup" / "main.py").exists()
        assert not list((tmp_path / "out").rglob("*.pyc"))
        assert re.fullmatch(r"note: .*cold starts are slower.*\n", capsys.readouterr().out)


class TestSizes:
    def test_a_build_over_lambdas_limit_is_refused(self) -> None:
        half = sizes.Size(sizes.LAMBDA_LIMIT // 2 + 1, 1)
        small = sizes.Size(1, 1)
        fits = {"CoreLayer": half, "EngineLayer": small} | dict.fromkeys(sizes.FUNCTIONS, small)
        sizes.check(fits)
        with pytest.raises(PackingError, match=r"CompressFunction has 262 MB .* takes 262 MB"):
            sizes.check(fits | {"EngineLayer": half})

    def test_a_half_made_build_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "CoreLayer").mkdir()
        with pytest.raises(PackingError, match="no EngineLayer → run `make build`"):
            sizes.measured(tmp_path)

    def test_the_table_adds_up(self) -> None:
        shown = sizes.table(dict.fromkeys(("CoreLayer", "EngineLayer"), sizes.Size(1_500_000, 500_000)), "arm64")
        assert shown.splitlines()[-1].split() == ["together", "3.00", "1.00"]


class TestBuiltTemplate:
    def test_takes_only_the_architecture_that_was_built(self, tmp_path: Path) -> None:
        file = tmp_path / "template.yaml"
        parameter = (
            "\n  Architecture:\n    Type: String\n    Default: x86_64\n    AllowedValues:\n    - x86_64\n    - arm64\n"
        )
        file.write_text(f"Parameters:{parameter}    Description: x\n")
        built_template.bind(file, "arm64")
        assert file.read_text().endswith("    Default: arm64\n    AllowedValues:\n    - arm64\n    Description: x\n")

    def test_a_template_that_it_does_not_know_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "template.yaml").write_text("Parameters: {}\n")
        with pytest.raises(PackingError, match="no parameter Architecture"):
            built_template.bind(tmp_path / "template.yaml", "arm64")
