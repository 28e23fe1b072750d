"""The guide for operators (docs/deploy.md) says nothing that is not so: each command can be given as it stands, each
file, setting, unit, address and heading that it names is there.

That they do what the guide says is shown where they are run: test_clean_host.py (from nothing to https and
back), tests/operating, test_nginx.py, test_prometheus.py.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer.main
import yaml

from pdfsmaller.cli.app import made
from pdfsmaller.settings import Settings
from tests import postgres

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "deploy.md"
TEXT = GUIDE.read_text(encoding="utf-8")
#: Settings of others: of the classic stack, PostgreSQL, systemd.
THEIRS = {
    *("REDIS_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "FLASK_ENV", "FLASK_DEBUG", "CORS_ORIGINS"),
    *("SQLALCHEMY_DATABASE_URI", "RESULT_FOLDER", "MAX_CONTENT_LENGTH", "RATELIMIT_DEFAULT", "RATELIMIT_STORAGE_URL"),
    "AWS_IAM",
}
SETTINGS = {name.upper() for name in Settings.model_fields} | {"UPLOAD_FOLDER"}


class Block(NamedTuple):
    """A fenced block: its language, and its lines as they would be pasted."""

    language: str
    text: str


def blocks(language: str) -> list[str]:
    found = re.findall(r"^( *)```(\w+)\n(.*?)^\1```$", TEXT, re.DOTALL | re.MULTILINE)
    every = [
        Block(kind, "".join(line.removeprefix(indent) for line in text.splitlines(True)))
        for indent, kind, text in found
    ]
    return [block.text for block in every if block.language == language]


def commands() -> Iterator[list[str]]:
    """The words of each command of the shell blocks and of what stands between backticks in the text."""
    lines = [line for block in blocks("sh") for line in re.split(r"\n|&&|\|\|", block)]
    inline = re.sub(r"^( *)```.*?^\1```$", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    lines += re.findall(r"`((?:pdfsmaller|[\w/]*deploy/\w+\.sh) [^`]+)`", inline)
    for line in lines:
        words = shlex.split(line, comments=True)
        while words and (words[0] == "sudo" or re.match(r"\w+=", words[0])):
            words = words[3 if words[0] == "sudo" else 1 :]
        if words:
            yield words


def outside_of_classic() -> str:
    """The guide without what its table says of the classic stack."""
    before, table, after = re.split(r"(?<=\| there \| here \|\n)(.*?)(?=\n\n## )", TEXT, maxsplit=1, flags=re.DOTALL)
    ours = [re.split(r"(?<!\\)\|", row)[2] for row in table.splitlines()]
    return "\n".join([before, *ours, after])


OWN = [words for words in commands() if Path(words[0]).name == "pdfsmaller" and words[1:2] != ["…"]]
SCRIPTS = [words for words in commands() if re.fullmatch(r"(?:/opt/pdfsmaller/current/)?deploy/\w+\.sh", words[0])]


def test_there_is_something_to_look_at() -> None:
    assert len(OWN) > 20
    assert len(SCRIPTS) > 5
    assert len(blocks("sh")) > 25


@pytest.mark.parametrize("text", blocks("sh"))
def test_a_shell_takes_each_block(text: str) -> None:
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", OWN, ids=" ".join)
def test_the_command_takes_what_it_is_given(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _parse(typer.main.get_command(made()), [word for word in words[1:] if word != "()"])


def _parse(step: Any, words: list[str]) -> None:
    """Raises click's UsageError where a command would refuse these words. Nothing is run."""
    words = [str(_settings_file()) if word == "/etc/pdfsmaller/pdfsmaller.env" else word for word in words]
    context = step.make_context(step.name or "pdfsmaller", list(words))
    if hasattr(step, "commands"):
        rest = [*context._protected_args, *context.args]
        if not rest and step.invoke_without_command:
            return
        name, sub, left = step.resolve_command(context, rest)
        assert sub is not None, name
        _parse(sub, left)


def _settings_file() -> Path:
    """An empty one: the command reads it as soon as it is named."""
    path = Path(tempfile.gettempdir()) / "pdfsmaller-guide.env"
    path.touch()
    return path


@pytest.mark.parametrize("words", SCRIPTS, ids=" ".join)
def test_the_scripts_have_the_options(words: list[str]) -> None:
    script = ROOT / words[0].removeprefix("/opt/pdfsmaller/current/")
    told = subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
    for option in (word for word in words[1:] if word.startswith("--")):
        assert re.search(rf"{option}\b", told), f"{words[0]} has no {option}"


def test_every_setting_is_one() -> None:
    named = set(re.findall(r"\b([A-Z]+(?:_[A-Z]+)+)\b", outside_of_classic()))
    in_files = {f"{name}_FILE" for name in SETTINGS | {"PGPASSWORD"}}  # deploy/docker has a setting come from a file
    assert named - SETTINGS - in_files - THEIRS == set()


def test_every_parameter_of_the_stack_is_one() -> None:
    aws = TEXT.split("\n## AWS\n")[1].split("\n## ")[0]
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", aws))
    assert named
    assert {name for name in named if not re.search(rf"^  {name}:$", template, re.MULTILINE)} == set()


def test_every_file_of_ours_is_there() -> None:
    linked = {path.split("#")[0] for path in re.findall(r"\]\(([^)]+)\)", TEXT) if not path.startswith(("http", "#"))}
    assert {path for path in linked if not (GUIDE.parent / path).exists()} == set()
    named = set(re.findall(r"(?<![\w/.])deploy/[\w./@-]*\w", TEXT))
    made = {words[-1] for words in commands() if words[0] == "cp"}
    assert {path for path in named - made if not (ROOT / path).exists()} == set()


def test_every_unit_is_one() -> None:
    units = {path.name for path in (ROOT / "deploy" / "systemd").iterdir()}
    jails = (ROOT / "deploy" / "fail2ban" / "jail.d" / "pdfsmaller.conf").read_text()
    others = {"pdfsmaller-jobs", *re.findall(r"(?m)^\[([\w-]+)\]$", jails)}
    for name in (
        set(re.findall(r"\bpdfsmaller-[a-z]+(?:@\d*)?(?:\.(?:service|timer))?(?![\w.@-]*\.log)(?![\w@-])", TEXT))
        - others
    ):
        if Path(name).suffix == "" and re.search(rf"{name}/", TEXT):
            continue  # a folder
        unit = re.sub(r"@\d*", "@", name)
        assert {unit, f"{unit}.service"} & units, name


def test_every_place_on_a_server_is_where_the_installer_puts_it() -> None:
    scripts = "".join((ROOT / "deploy" / name).read_text(encoding="utf-8") for name in ("install.sh", "lib.sh"))
    site = (ROOT / "deploy" / "nginx" / "pdfsmaller.conf").read_text(encoding="utf-8")
    places = set(re.findall(r"(?:/etc|/opt|/var/(?:lib|backups|log))/(?:nginx|pdfsmaller)[\w./-]*\w", TEXT))
    assert len(places) > 6
    for place in places:
        known = Path(re.sub(r"/(?:VERSION|BACKUP|bin/pdfsmaller|deploy/\w+\.sh)$", "", place))
        assert str(known) in scripts + site or str(known.parent) in scripts + site, place


def test_every_heading_that_somebody_leads_to_is_there() -> None:
    headings = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    within = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    alerts = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    rules = [rule for group in alerts["groups"] for rule in group["rules"] if "alert" in rule]
    runbooks = {rule["annotations"]["runbook"] for rule in rules}
    assert all(runbook.startswith("docs/deploy.md#") for runbook in runbooks)
    assert within | {runbook.split("#")[1] for runbook in runbooks} <= anchors


def test_every_error_code_is_one() -> None:
    listed = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    foreign = {
        "client_max_body_size",
        "ssl_certificate",
        "synchronous_commit",
        "max_connections",
        "job_id",
        "request_id",
    }
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", outside_of_classic())) - foreign
    assert named
    assert {code for code in named if f"`{code}`" not in listed} == set()


def test_postgresql_takes_its_lines() -> None:
    programs = postgres.programs()
    if programs is None:
        pytest.skip("there is no PostgreSQL here (Debian: postgresql)")
    [settings] = [text for text in blocks("ini") if "listen_addresses" in text]
    [access] = [text for text in blocks("text") if "hostssl" in text]
    with postgres.running(programs) as server:
        for line in settings.splitlines()[1:]:
            server.execute(f"ALTER SYSTEM SET {line}")
        [(file,)] = server.execute("SHOW hba_file")
        Path(str(file)).write_text(access, encoding="utf-8")
        [rule] = server.execute("SELECT type, database, user_name, address, auth_method, error FROM pg_hba_file_rules")
    *read, error = rule
    assert read == ["hostssl", ["pdfsmaller"], ["pdfsmaller"], "10.0.0.0", "scram-sha-256"]
    assert error is None or "SSL is disabled" in str(error)  # Debian's own clusters have it on
