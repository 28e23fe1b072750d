"""The image and the compose files. No Docker runs here: they are linted, checked against their specification, and what
the Dockerfile runs is run outside of a container.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from pdfsmaller.settings import Settings
from tests import documents
from tests.built_package import python_313

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "docker"
DOCKERFILE = FOLDER / "Dockerfile"
ENTRYPOINT = FOLDER / "entrypoint.sh"
#: Each way of running it: files that lie over each other.
STACKS = {
    "one server": ["compose.yaml"],
    "production": ["compose.yaml", "compose.production.yaml"],
    "scaled": ["compose.scaled.yaml"],
}
FILES = sorted({name for names in STACKS.values() for name in names})
#: What the files ask of the shell.
GIVEN = {
    "PUBLIC_HOST": "pdf.example.org",
    "PDFSMALLER_IMAGE": "registry.example.org/pdfsmaller:1",
    "NFS_SERVER": "10.0.0.5",
    "NFS_PATH": "/srv/pdfsmaller",
}
#: Environment that is not a setting: where a secret is read from, and what libpq and Python read themselves.
FROM_FILES = re.compile(r"for name in ([\w ]+); do")
OTHERS = {"TMPDIR", "PGPASSWORD"}


def interpolated(text: str) -> str:
    """Its ``${NAME}`` filled in, as compose does."""
    return re.sub(
        r"\$\{(\w+)(?::([-?])([^}]*))?\}",
        lambda found: GIVEN.get(found[1], found[3] if found[2] == "-" else f"${{{found[1]}}}"),
        text,
    )


def read(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load(interpolated((FOLDER / name).read_text())))


def ours(name: str) -> dict[str, dict[str, Any]]:
    """The services of a file that run our image."""
    return {key: one for key, one in read(name)["services"].items() if "postgres" not in key and key != "nginx"}


def settings_in_files() -> set[str]:
    """Settings that the image takes from files."""
    [names] = FROM_FILES.findall(ENTRYPOINT.read_text())
    return set(names.split())


def test_hadolint_finds_nothing() -> None:
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, DOCKERFILE], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", FILES)
def test_a_compose_file_is_as_the_specification_has_it(name: str) -> None:
    from compose_spec import PyCompose

    document = read(name)
    # The specification has these two, that package has not.
    for one in document.get("configs", {}).values():
        one.pop("name")
    for one in document["services"].values():
        if update := one.get("deploy", {}).get("update_config"):
            assert update["failure_action"] in ("rollback", "pause")
            update["failure_action"] = "pause"
    PyCompose.from_yaml(yaml.safe_dump(document)).validate()


@pytest.mark.parametrize("names", STACKS.values(), ids=STACKS)
def test_docker_compose_takes_them_together(names: list[str], tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("no docker-compose here (Debian's package is called docker-compose)")
    room = tmp_path / "docker"
    shutil.copytree(FOLDER, room)
    (room / "pdfsmaller.env").write_text("SECRET_KEY=from-the-file\n")
    for name in names:  # Debian's is older than these three
        text = (room / name).read_text()
        (room / name).write_text(re.sub(r"(?m)^name: .*$|^version: .*$|, pids: \d+", "", text))
    files = [word for name in names for word in ("-f", name)]
    done = subprocess.run(
        [program, *files, "config"], cwd=room, env=os.environ | GIVEN, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    upload = yaml.safe_load(done.stdout)["services"]["upload"]
    assert upload["read_only"] is True
    assert upload["environment"]["DATABASE_URL"].startswith("sqlite" if names == ["compose.yaml"] else "postgresql")


@pytest.mark.parametrize("name", ["compose.yaml", "compose.scaled.yaml"])
def test_nothing_can_be_written_but_volumes_and_nobody_is_root(name: str) -> None:
    for key, service in ours(name).items():
        assert (service["read_only"], service["cap_drop"], service["init"]) == (True, ["ALL"], True), key
        assert "user" not in service, "the image's own"
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, key
        if name == "compose.yaml":
            assert service["security_opt"] == ["no-new-privileges:true"], key
            assert service["tmpfs"], key
    assert re.findall(r"^USER (.+)$", DOCKERFILE.read_text(), re.MULTILINE) == ["10001:10001"]


def test_what_stands_before_and_behind_is_bound_as_well() -> None:
    for name in ("compose.production.yaml", "compose.scaled.yaml"):
        for key in ("postgres", "nginx"):
            service = read(name)["services"][key]
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
            assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
            assert "healthcheck" in service
            assert re.fullmatch(r"[\w/.-]+:\d+\.\d+[\w.-]*", service["image"]), "a version, no moving name"


def test_a_stack_has_nothing_that_swarm_does_not_know() -> None:
    """What ``docker stack deploy`` says that it ignores, or refuses (docker/cli, cli/compose)."""
    unknown = {"build", "container_name", "depends_on", "devices", "expose", "extends", "ipc", "links", "network_mode"}
    unknown |= {"mem_limit", "pids_limit", "privileged", "profiles", "restart", "security_opt", "shm_size", "tmpfs"}
    stack = read("compose.scaled.yaml")
    assert set(stack) - {"version", "services", "networks", "volumes", "secrets", "configs"} == {
        key for key in stack if key.startswith("x-")
    }
    for key, service in stack["services"].items():
        assert set(service) & unknown == set(), key
        deploy = service["deploy"]
        assert deploy.get("mode") == "global" or deploy["replicas"] >= 1
        assert deploy["update_config"]["failure_action"] in ("rollback", "pause")
    assert {key: stack["services"][key]["deploy"]["update_config"]["order"] for key in ("upload", "worker")} == {
        "upload": "start-first",
        "worker": "start-first",
    }


@pytest.mark.parametrize("name", FILES)
def test_its_environment_is_of_settings_that_there_are(name: str) -> None:
    known = {field.upper() for field in Settings.model_fields} | OTHERS
    for service in ours(name).values():
        for variable in service["environment"]:
            setting = (
                variable.removesuffix("_FILE") if variable.removesuffix("_FILE") in settings_in_files() else variable
            )
            assert setting in known, setting


def test_secrets_are_mounted_where_they_are_read() -> None:
    for name in ("compose.production.yaml", "compose.scaled.yaml"):
        for service in ours(name).values():
            mounted = {one if isinstance(one, str) else one["source"] for one in service["secrets"]}
            read_from = {
                value
                for key, value in service["environment"].items()
                if key.removesuffix("_FILE") in settings_in_files()
            } - {service["environment"]["DATABASE_URL"]}
            assert read_from == {f"/run/secrets/{one}" for one in mounted}


def test_a_worker_has_the_time_of_a_job_to_end() -> None:
    for name in ("compose.yaml", "compose.scaled.yaml"):
        [minutes] = re.findall(r"^(\d+)m$", ours(name)["worker"]["stop_grace_period"])
        assert int(minutes) * 60 > Settings().engine_timeout_seconds


def test_the_context_holds_what_is_copied_and_no_secret() -> None:
    """``.dockerignore`` leaves out everything that it does not name."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    for path in (path for line in copied for path in line.split()):
        assert (ROOT / path).exists(), path
        assert any(path == one or path.startswith(f"{one}/") for one in allowed), path
    assert set(allowed) == {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "requirements",
        "shared",
        "deploy/docker/entrypoint.sh",
    }


# What the image runs


def entered(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", ENTRYPOINT, *command], env={"PATH": os.environ["PATH"], **environ}, capture_output=True, text=True
    )


def test_a_setting_comes_from_the_file_of_its_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a 'quoted' $value; \\ and more\n")
    done = entered("env", SECRET_KEY="other", SECRET_KEY_FILE=str(tmp_path / "key"), DATABASE_URL="sqlite:///x")
    assert done.returncode == 0, done.stderr
    assert "SECRET_KEY=a 'quoted' $value; \\ and more\n" in done.stdout
    assert "DATABASE_URL=sqlite:///x\n" in done.stdout
    assert "SECRET_KEY_FILE" not in done.stdout


def test_a_secret_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = entered("env", SECRET_KEY_FILE=str(tmp_path / "key"))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"SECRET_KEY_FILE is {tmp_path / 'key'}" in done.stderr


def test_the_command_takes_the_place_of_the_shell() -> None:
    process = subprocess.Popen(["/bin/sh", ENTRYPOINT, "sleep", "60"])
    try:
        name = Path(f"/proc/{process.pid}/comm")
        ends_at = time.monotonic() + 10
        while name.read_text().strip() != "sleep" and time.monotonic() < ends_at:
            time.sleep(0.01)
        assert name.read_text().strip() == "sleep"
    finally:
        process.kill()
        process.wait()


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if nginx is None:
        pytest.skip("no nginx here (Debian's package is called nginx-light)")
    shutil.copytree(ROOT / "deploy" / "nginx" / "pdfsmaller", tmp_path / "pdfsmaller")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=a", "-keyout"]
    subprocess.run(
        [*made, tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"], check=True, capture_output=True
    )
    server = (FOLDER / "nginx.conf").read_text()
    # Debian's nginx is older than `resolve`; names, ports and folders are the containers'.
    for there, here in {
        "server upload:8080 max_fails=2 fail_timeout=5s resolve;": "server 127.0.0.1:1 max_fails=2 fail_timeout=5s;",
        "/etc/nginx/tls/": f"{tmp_path}/",
        "/dev/stdout": f"{tmp_path}/access.log",
        "/dev/stderr": f"{tmp_path}/error.log",
    }.items():
        assert there in server
        server = server.replace(there, here)
    (tmp_path / "default.conf").write_text(server)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{ }} http {{ include {tmp_path}/default.conf; }}"
    )
    done = subprocess.run(
        [nginx, "-t", "-q", "-p", tmp_path, "-c", tmp_path / "nginx.conf"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_stack_hands_nginx_every_file_that_it_includes() -> None:
    included = set(re.findall(r"include pdfsmaller/(\S+);", (FOLDER / "nginx.conf").read_text()))
    for name in list(included):
        included |= set(re.findall(r"include pdfsmaller/(\S+);", (ROOT / "deploy/nginx/pdfsmaller" / name).read_text()))
    service = read("compose.scaled.yaml")["services"]["nginx"]
    handed = {Path(one["target"]).name for one in service["configs"] if "/pdfsmaller/" in one["target"]}
    assert handed == included


# The image's first stage, outside of a container


def runs() -> list[str]:
    """The commands of the first stage, each as its shell sees it."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    stage = text.split("AS build")[1].split("\nFROM ")[0]
    return re.findall(r"^RUN (.+)$", stage, re.MULTILINE)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``/opt/pdfsmaller`` as the image would have it, made by the Dockerfile's own commands."""
    room = tmp_path_factory.mktemp("image")
    source = room / "src"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "requirements", source / "requirements")
    shutil.copytree(ROOT / "shared", source / "shared", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    # The image's version where there is one; behind pyenv's shims, which ask for more than a name.
    asked = [python_313() or sys.executable, "-c", "import sys; print(sys.executable)"]
    python = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    (room / "bin").mkdir()
    (room / "bin" / "python").symlink_to(python)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    for command in runs():
        for path in ("/build", "/wheels", "/program", "/opt/pdfsmaller"):
            command = re.sub(rf"(?<![\w./-]){path}\b", f"{room}{path}", command)
        done = subprocess.run(
            ["/bin/sh", "-ec", command],
            cwd=source,
            env=environ | {"PATH": f"{room / 'bin'}:{environ['PATH']}"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3_000:]}{done.stderr[-3_000:]}"
    return room / "opt" / "pdfsmaller"


@pytest.mark.slow
def test_the_image_holds_the_program_and_nothing_that_builds(installed: Path) -> None:
    names = {path.name.lower().partition("-")[0] for path in installed.glob("lib/python3*/site-packages/*.dist-info")}
    assert {"pdfsmaller", "gunicorn", "psycopg", "boto3", "pyvips_binary"} <= names
    assert names & {"pip", "setuptools", "wheel", "pytest", "pkgconfig"} == set()


@pytest.fixture
def image(installed: Path, tmp_path: Path) -> dict[str, str]:
    """The environment that a container of it has, but for the folders' place."""
    for name in ("files", "tmp"):
        (tmp_path / name).mkdir(mode=0o700)
    return {
        "PATH": f"{installed / 'bin'}:{os.environ['PATH']}",
        "SECRET_KEY": os.urandom(32).hex(),
        "DATABASE_URL": f"sqlite:///{tmp_path}/jobs.db",
        "STORAGE_URL": str(tmp_path / "files"),
        "TMPDIR": str(tmp_path / "tmp"),
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
    }


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.slow
def test_what_the_containers_run_does_a_job(image: dict[str, str], tmp_path: Path) -> None:
    """The commands of the Dockerfile and of compose.yaml, in the order of their conditions."""
    prepare = ours("compose.yaml")["prepare"]["command"]
    done = subprocess.run(["/bin/sh", ENTRYPOINT, *prepare], env=image, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    [command] = re.findall(r"^CMD (\[.+\])$", DOCKERFILE.read_text(), re.MULTILINE)
    commands = [yaml.safe_load(command), ours("compose.yaml")["worker"]["command"]]
    log = tmp_path / "log"
    with log.open("wb") as output:
        started = [
            subprocess.Popen(
                ["/bin/sh", ENTRYPOINT, *words],
                env=image,
                cwd=tmp_path,
                stdout=output,
                stderr=output,
            )
            for words in commands
        ]
        try:
            result = smaller(f"http://127.0.0.1:{image['PORT']}", log)
        finally:
            for process in started:
                process.terminate()
            codes = [process.wait(60) for process in started]
    assert result.startswith(b"%PDF-")
    assert codes == [0, 0], log.read_text()[-3_000:]


def smaller(address: str, log: Path) -> bytes:
    """A document made smaller by the service, once it answers."""
    ends_at = time.monotonic() + 60
    while True:
        try:
            assert requests.get(f"{address}/health/live", timeout=5).status_code == 200
            break
        except requests.ConnectionError:
            assert time.monotonic() < ends_at, log.read_text()[-3_000:]
            time.sleep(0.2)
    answer = requests.post(f"{address}/api/compress", files={"files": ("a.pdf", documents.photo_jpeg())}, timeout=90)
    assert answer.status_code == 200, answer.text
    return answer.content
