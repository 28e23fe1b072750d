"""install.sh, upgrade.sh and rollback.sh: what they refuse, and what they say they would do on each distribution.

What they do is tested in ``test_clean_host``; on the likes of RHEL they have only ever said it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRIPTS = ["install.sh", "upgrade.sh", "rollback.sh"]

SYSTEMS = {
    "debian": ("debian", "", "12"),
    "ubuntu": ("ubuntu", "debian", "24.04"),
    "jammy": ("ubuntu", "debian", "22.04"),
    "rocky": ("rocky", "rhel centos fedora", "9.4"),
}


def said(script: str, *arguments: str, os_release: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"]} | ({"OS_RELEASE_FILE": str(os_release)} if os_release else {})
    return subprocess.run(
        ["bash", DEPLOY / script, *arguments], env=environ, capture_output=True, text=True, timeout=120
    )


def release_file(folder: Path, name: str) -> Path:
    ident, like, version = SYSTEMS[name]
    path = folder / "os-release"
    path.write_text(f'ID={ident}\nID_LIKE="{like}"\nVERSION_ID="{version}"\nPRETTY_NAME="{name} {version}"\n')
    return path


def test_shellcheck_finds_nothing() -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("there is no shellcheck here (Debian: shellcheck)")
    done = subprocess.run(
        ["shellcheck", "--external-sources", "--check-sourced", *SCRIPTS], cwd=DEPLOY, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_names_every_option(script: str) -> None:
    done = said(script, "--help")
    options = {word for word in (DEPLOY / script).read_text().split() if word.startswith("--") and word.endswith(")")}
    assert done.returncode == 0
    assert {option.rstrip(")") for option in options} - set(
        done.stdout.replace("[", " ").replace("]", " ").split()
    ) == set()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "say --domain NAME --email MAIL, or --self-signed, or --no-nginx"),
        (["--domain"], "--domain needs a value"),
        (["--domain", "pdf.example.org"], "--domain needs --email MAIL for its certificate, or --self-signed"),
        (["--domain", "a b; rm", "--self-signed"], "--domain a b; rm is no host name"),
        (["--domain", "pdf.example.org", "--email", "me"], "--email me is no mail address"),
        (["--email", "me@example.org"], "--email goes with --domain"),
        (["--domain", "a.org", "--email", "me@a.org", "--self-signed"], "--email asks for a certificate"),
        (["--no-nginx", "--self-signed"], "--no-nginx leaves nobody to use a certificate"),
        (["--no-nginx", "--workers", "0"], "--workers 0 is no number from 1 to 99"),
        (["--no-nginx", "--database-url", "mysql://a"], "--database-url begins with sqlite:// or postgresql://"),
        (["--no-nginx", "--init", "upstart"], "--init is systemd, supervisor or none"),
        (["--purge"], "--purge goes with --uninstall"),
        (["--everything"], "there is no --everything"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(arguments: list[str], why: str) -> None:
    done = said("install.sh", "--dry-run", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert "--help tells what there is" in done.stderr


@pytest.mark.parametrize(
    ("script", "arguments", "why"),
    [
        ("upgrade.sh", ["--from"], "--from needs a value"),
        ("upgrade.sh", ["0.2.0"], "there is no 0.2.0"),
        ("rollback.sh", ["0.1.0", "0.2.0"], "one release, not two"),
        ("rollback.sh", ["--to"], "there is no --to"),
    ],
)
def test_the_others_refuse_as_well(script: str, arguments: list[str], why: str) -> None:
    done = said(script, "--dry-run", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr


@pytest.mark.parametrize("source", ["/nowhere", "/etc", "/etc/hostname"])
def test_what_is_neither_checkout_nor_wheel_is_no_source(source: str) -> None:
    done = said("install.sh", "--dry-run", "--no-nginx", "--from", source)
    assert done.returncode == 1
    assert f"error: {source} is n" in done.stderr


@pytest.mark.parametrize(
    ("system", "why"),
    [
        ("ID=arch\nPRETTY_NAME=Arch\n", "Arch is neither like Debian nor like RHEL"),
        ("ID=debian\nVERSION_ID=11\nPRETTY_NAME='Debian 11'\n", "Debian 11 has no Python 3.11"),
        ("ID=rhel\nVERSION_ID=7.9\nPRETTY_NAME='RHEL 7.9'\n", "RHEL 7.9 has no Python 3.11"),
    ],
)
def test_other_systems_are_told_so(system: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "os-release"
    path.write_text(system)
    done = said("install.sh", "--dry-run", "--no-nginx", os_release=path)
    assert done.returncode == 1
    assert why in done.stderr


@pytest.mark.parametrize("script", ["upgrade.sh", "rollback.sh"])
def test_where_nothing_is_installed_there_is_nothing_to_change(script: str) -> None:
    if Path("/opt/pdfsmaller/current").exists():
        pytest.skip("PDF Smaller is installed on this machine")
    done = said(script, "--dry-run")
    assert done.returncode == 1
    assert "nothing is installed here" in done.stderr


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_dry_run_says_every_step_and_does_none(name: str, tmp_path: Path) -> None:
    done = said(
        "install.sh",
        *("--dry-run", "--init", "systemd", "--domain", "pdf.example.org", "--email", "me@example.org"),
        os_release=release_file(tmp_path, name),
    )
    assert done.returncode == 0, done.stderr
    assert "nothing was done (--dry-run)" in done.stdout
    steps = [line.removeprefix("== ").split(" (")[0] for line in done.stdout.splitlines() if line.startswith("== ")]
    assert steps == [
        *("Packages", "User pdfsmaller", "Folders", "Program", "Settings", "Database", "Limits, logs", "Processes"),
        *("nginx", "Firewall", "fail2ban", "Does it work?"),
    ]
    assert "would write: /etc/nginx/conf.d/pdfsmaller.conf" in done.stdout
    assert "certbot certonly --webroot" in done.stdout
    if Path("/opt/pdfsmaller/current").exists():
        return  # what is there already is not said to be made
    assert "would run: systemctl enable --quiet pdfsmaller-backup.timer" in done.stdout


@pytest.mark.parametrize(
    ("name", "manager", "python", "web_user"),
    [
        ("debian", "apt-get", "python3", "www-data"),
        ("jammy", "apt-get", "python3.11", "www-data"),
        ("rocky", "dnf", "python3.12", "nginx"),
    ],
)
def test_each_distribution_has_its_own_words(
    name: str, manager: str, python: str, web_user: str, tmp_path: Path
) -> None:
    done = said(
        "install.sh", "--dry-run", "--init", "supervisor", "--self-signed", os_release=release_file(tmp_path, name)
    )
    packages = done.stdout.split("== User")[0]
    assert python in packages.split()
    assert f"{manager} install" in packages or "as it was" in packages
    assert {"apt-get", "dnf"} - {manager} & set(packages.split()) == set()
    assert web_user in done.stdout


def test_supervisor_has_its_file_where_the_distribution_reads_it(tmp_path: Path) -> None:
    for name, path in (
        ("debian", "/etc/supervisor/conf.d/pdfsmaller.conf"),
        ("rocky", "/etc/supervisord.d/pdfsmaller.ini"),
    ):
        done = said(
            "install.sh", "--dry-run", "--init", "supervisor", "--no-nginx", os_release=release_file(tmp_path, name)
        )
        assert f"would write: {path}" in done.stdout
