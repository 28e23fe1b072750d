"""install.sh, upgrade.sh and rollback.sh on a Debian that has nothing yet, under a real systemd, behind a real nginx.

One story, told in order: each step goes on where the one before it ended, so it is one test.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import documents
from tests.deploy import clean_host, versions
from tests.deploy.clean_host import CleanHost

pytestmark = pytest.mark.slow

NAME = "pdf.example.org"
CURL = "curl --silent --show-error --fail --insecure --location"


@dataclass
class Story:
    host: CleanHost
    folder: Path
    kept: dict[str, str]  # jobs that must be there in the end, by what they are

    def made(self, name: str, **form: str) -> str:
        """The id of a job that was sent by https."""
        fields = " ".join(f"--form {key}={value}" for key, value in form.items())
        answer = self.host.sh(
            f"{CURL} --header 'Accept: application/json' --form files=@/versions/{name} {fields} https://{NAME}/api/compress"
        )
        return str(json.loads(answer)["job_id"])

    def status(self, job: str) -> str:
        return str(json.loads(self.host.sh(f"{CURL} https://{NAME}/api/jobs/{job}"))["status"])

    def done(self, job: str) -> str:
        """How a job ended."""
        ends_at = time.monotonic() + 60
        while (status := self.status(job)) not in ("succeeded", "failed", "cancelled"):
            assert time.monotonic() < ends_at, status
            time.sleep(0.5)
        return status

    def current(self) -> str:
        return self.host.sh("basename $(readlink -f /opt/pdfsmaller/current)")

    def tables(self) -> str:
        """Which version the database's tables are of, and which one the program wants."""
        return self.host.run("/usr/local/bin/pdfsmaller", "admin", "migrate", "--check", check=False).stdout


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    if why := clean_host.missing():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("clean")
    try:
        clean_host.make_root(folder / "root")
    except subprocess.CalledProcessError as exc:
        pytest.skip(f"no Debian could be made here (its mirror is not reached?): {exc.output or exc}")
    checkouts = folder / "versions"
    first = versions.made(checkouts / "first", "1.0.0")
    second = versions.made(checkouts / "second", "1.1.0", of=first, tables=True)
    versions.wheel(second, checkouts)
    versions.made(checkouts / "broken", "1.2.0", of=second, tables=True, starts=False)
    documents.write(checkouts / "a.pdf", documents.photo_jpeg(600, 400))
    with clean_host.booted(folder / "root", versions=checkouts) as host:
        host.sh(f"echo 127.0.0.1 {NAME} >> /etc/hosts")
        yield Story(host, folder, {})
    shutil.rmtree(folder, ignore_errors=True)


def from_nothing_to_a_page_by_https(story: Story) -> None:
    said = story.host.run("/versions/first/deploy/install.sh", "--domain", NAME, "--self-signed").stdout
    assert f"PDF Smaller is at https://{NAME}/" in said
    assert "PDF Smaller" in story.host.sh(f"{CURL} https://{NAME}/")
    assert "HTTP/1.1 308" in story.host.sh(f"curl -sI -H 'Host: {NAME}' http://127.0.0.1/")


def what_was_installed_is_bound_and_private(story: Story) -> None:
    failed = story.host.sh("systemctl list-units --failed --plain --no-legend 'pdfsmaller*' nginx* fail2ban*")
    assert [line for line in failed.splitlines() if "doctor" not in line] == []  # which fails where it has advice
    assert story.host.sh("stat -c '%a %U:%G' /etc/pdfsmaller/pdfsmaller.env") == "640 root:pdfsmaller"
    assert story.host.sh("grep -c '^SECRET_KEY=[0-9a-f]\\{64\\}$' /etc/pdfsmaller/pdfsmaller.env") == "1"
    assert story.host.sh("find /var/lib/pdfsmaller /var/backups/pdfsmaller -perm /o=rwx") == ""
    [*_, worker] = json.loads(story.host.run("/usr/local/bin/pdfsmaller", "admin", "workers", "--json").stdout)
    assert {"rlimit_as", "no_new_privs", "landlock", "seccomp"} <= set(worker["bounds"])
    for unit in ("upload", "worker@1", "cleanup", "backup"):
        judged = story.host.run(
            "systemd-analyze", "security", "--threshold=20", f"pdfsmaller-{unit}.service", check=False
        )
        assert judged.returncode == 0, judged.stdout[-200:]
    assert "pdfsmaller-keys" in story.host.sh("fail2ban-client status")


def a_job_by_curl_whose_result_nginx_sends(story: Story) -> None:
    story.host.sh(
        f"{CURL} --form files=@/versions/a.pdf --form preset=screen https://{NAME}/api/compress -o /root/b.pdf"
    )
    assert story.host.sh("head -c 5 /root/b.pdf") == "%PDF-"
    story.kept["first"] = story.made("a.pdf", preset="ebook")
    assert story.done(story.kept["first"]) == "succeeded"


def installing_again_changes_nothing(story: Story) -> None:
    pids = story.host.sh("systemctl show -p MainPID --value pdfsmaller-upload nginx fail2ban pdfsmaller-worker@1")
    said = story.host.run("/versions/first/deploy/install.sh").stdout
    assert "nothing was to be done: everything is as it should be" in said
    assert pids == story.host.sh(
        "systemctl show -p MainPID --value pdfsmaller-upload nginx fail2ban pdfsmaller-worker@1"
    )
    other = story.host.run("/versions/second/deploy/install.sh", check=False)
    assert (other.returncode, "deploy/upgrade.sh --from /versions/second" in other.stderr) == (1, True)


def a_file_edited_by_hand_is_left_alone(story: Story) -> None:
    story.host.sh("echo '# mine' >> /etc/nginx/conf.d/pdfsmaller.conf")
    said = story.host.run("/versions/first/deploy/install.sh").stdout
    assert "/etc/nginx/conf.d/pdfsmaller.conf was edited here and stays as it is" in said
    assert story.host.sh("tail -n 1 /etc/nginx/conf.d/pdfsmaller.conf") == "# mine"


def an_upgrade_that_changes_the_tables(story: Story) -> None:
    story.kept["begun under the old one"] = story.made("a.pdf", preset="screen", effort="max")
    before = story.tables()
    [wheel] = (story.folder / "versions").glob("*.whl")
    story.host.run("/versions/first/deploy/upgrade.sh", "--from", f"/versions/{wheel.name}")
    assert story.current() == "1.1.0"
    assert story.tables() != before
    assert {name: story.done(job) for name, job in story.kept.items()} == dict.fromkeys(story.kept, "succeeded")
    story.kept["made with the second"] = story.made("a.pdf", preset="printer")
    assert story.done(story.kept["made with the second"]) == "succeeded"


def an_upgrade_that_fails_goes_back_by_itself(story: Story) -> None:
    tables = story.tables()
    failed = story.host.run("/versions/broken/deploy/upgrade.sh", check=False)
    assert failed.returncode == 1
    assert "the upgrade to 1.2.0 failed" in failed.stderr
    assert "1.1.0 runs again, with all of its jobs" in failed.stderr
    assert (story.current(), story.tables()) == ("1.1.0", tables)
    assert {name: story.done(job) for name, job in story.kept.items()} == dict.fromkeys(story.kept, "succeeded")
    assert story.done(story.made("a.pdf")) == "succeeded"


def rolled_back_with_the_tables_of_before(story: Story) -> None:
    asked = story.host.run("/opt/pdfsmaller/current/deploy/rollback.sh", check=False)
    assert (asked.returncode, story.current()) == (1, "1.1.0")  # nobody typed yes
    assert "Jobs and API keys made since are gone then" in asked.stdout
    story.host.run("/opt/pdfsmaller/current/deploy/rollback.sh", "--yes")
    assert story.current() == "1.0.0"
    assert story.done(story.kept["first"]) == "succeeded"
    gone = story.host.run(
        "sh", "-c", f"{CURL} https://{NAME}/api/jobs/{story.kept['made with the second']}", check=False
    )
    assert "404" in gone.stderr
    assert story.done(story.made("a.pdf")) == "succeeded"


def taken_off_again_data_stays_until_it_is_purged(story: Story) -> None:
    story.host.run("/opt/pdfsmaller/current/deploy/install.sh", "--uninstall")
    assert story.host.sh("systemctl list-unit-files --no-legend 'pdfsmaller*'", check=False) == ""
    assert story.host.sh("ls -d /opt/pdfsmaller /etc/nginx/conf.d/pdfsmaller.conf 2>/dev/null", check=False) == ""
    assert story.host.sh("ls /var/lib/pdfsmaller/jobs.db /etc/pdfsmaller/pdfsmaller.env")
    story.host.run("/versions/first/deploy/install.sh", "--uninstall", "--purge", "--yes")
    assert story.host.sh("ls -d /var/lib/pdfsmaller /etc/pdfsmaller /var/backups/pdfsmaller", check=False) == ""
    assert story.host.run("id", "pdfsmaller", check=False).returncode == 1


def test_from_an_empty_system_through_upgrades_to_nothing_again(story: Story) -> None:
    from_nothing_to_a_page_by_https(story)
    what_was_installed_is_bound_and_private(story)
    a_job_by_curl_whose_result_nginx_sends(story)
    installing_again_changes_nothing(story)
    a_file_edited_by_hand_is_left_alone(story)
    an_upgrade_that_changes_the_tables(story)
    an_upgrade_that_fails_goes_back_by_itself(story)
    rolled_back_with_the_tables_of_before(story)
    taken_off_again_data_stays_until_it_is_purged(story)
