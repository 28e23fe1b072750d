"""What stands before the service and starts it: nginx, certificates, systemd's units."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pdfsmaller.operating.doctor import certificate, nginx, units
from pdfsmaller.operating.doctor.finding import State
from pdfsmaller.operating.doctor.programs import found
from pdfsmaller.operating.doctor.site import Site
from tests.operating.doctor import certificates
from tests.operating.doctor.conftest import states

MakeSite = Callable[..., Site]
PutProgram = Callable[[str, str], Path]


class TestCertificate:
    @pytest.mark.parametrize(
        ("days", "state"), [(60, "ok"), (22, "ok"), (20, "warning"), (8, "warning"), (6, "failed"), (-1, "failed")]
    )
    def test_one_that_expires_soon_is_told(self, site: MakeSite, tmp_path: Path, days: float, state: str) -> None:
        with certificates.shown(certificates.made(tmp_path, days)) as port:
            [finding] = certificate.certificates(
                site(public_base_url=f"https://localhost:{port}", nginx_conf=tmp_path / "none")
            )
        assert (finding.check, finding.state) == ("certificate of localhost", state)
        assert (finding.remedy == "") is (state == "ok")
        assert "expired" in finding.found if days < 0 else f"{days} days more" in finding.found

    def test_that_there_is_none_is_told(self, site: MakeSite, tmp_path: Path) -> None:
        [finding] = certificate.certificates(site(public_base_url="https://127.0.0.1:9", nginx_conf=tmp_path / "none"))
        assert finding.state is State.FAILED

    def test_without_https_there_is_nothing_to_look_at(self, site: MakeSite, tmp_path: Path) -> None:
        found = certificate.certificates(site(public_base_url="http://localhost", nginx_conf=tmp_path / "none"))
        assert states(found) == {"certificate": State.SKIPPED}


@pytest.fixture
def nginx_conf(tmp_path: Path) -> Path:
    """A sound configuration for the service, with a certificate that expires in 10 days."""
    if found("nginx") is None:
        pytest.skip("no nginx here (Debian's package is called nginx-light)")
    pem = certificates.made(tmp_path, 10)
    path = tmp_path / "nginx.conf"
    temporary = "".join(f"{name}_temp_path {tmp_path}; " for name in ("proxy", "fastcgi", "uwsgi", "scgi"))
    path.write_text(
        f"""
pid {tmp_path}/nginx.pid;
error_log {tmp_path}/error.log;
events {{ }}
http {{
    access_log off; client_body_temp_path {tmp_path}; {temporary}
    upstream pdfsmaller {{ server 127.0.0.1:9; }}
    server {{
        listen unix:{tmp_path}/socket ssl;
        ssl_certificate     {pem};
        ssl_certificate_key {pem};
        location / {{ proxy_pass http://pdfsmaller; }}
    }}
}}
"""
    )
    return path


@contextmanager
def running(conf: Path) -> Iterator[None]:
    program = found("nginx")
    assert program
    process = subprocess.Popen([program, "-c", conf, "-e", conf.parent / "error.log", "-g", "daemon off;"])
    try:
        for _ in range(200):
            if (conf.parent / "nginx.pid").exists():
                break
            assert process.poll() is None
            process_waits()
        yield
    finally:
        process.terminate()
        process.wait()


def process_waits() -> None:
    subprocess.run(["sleep", "0.05"], check=True)


class TestNginx:
    def test_one_that_runs_is_well(self, nginx_conf: Path) -> None:
        with running(nginx_conf):
            assert states(nginx.nginx(Site(None, nginx_conf=nginx_conf))) == {"nginx": State.OK}

    def test_one_that_does_not_run_is_told(self, nginx_conf: Path, tmp_path: Path) -> None:
        (tmp_path / "proc").mkdir()
        [finding] = nginx.nginx(Site(None, nginx_conf=nginx_conf, proc=tmp_path / "proc"))
        assert (finding.state, finding.remedy) == (State.FAILED, "systemctl start nginx")

    def test_a_configuration_that_is_wrong_is_told(self, nginx_conf: Path) -> None:
        nginx_conf.write_text(nginx_conf.read_text().replace("proxy_pass", "proxy_pas"))
        [finding] = nginx.nginx(Site(None, nginx_conf=nginx_conf))
        assert finding.state is State.FAILED
        assert 'unknown directive "proxy_pas"' in finding.found
        assert f"{nginx_conf}:" in finding.found

    def test_its_certificates_are_looked_at(self, nginx_conf: Path, tmp_path: Path) -> None:
        found = certificate.certificates(Site(None, nginx_conf=nginx_conf))
        assert states(found) == {f"certificate {tmp_path / '10.pem'}": State.WARNING}

    def test_one_that_serves_others_is_passed_over(self, nginx_conf: Path, tmp_path: Path) -> None:
        other = nginx_conf.rename(tmp_path / "other.conf")
        other.write_text(other.read_text().replace("pdfsmaller", "others"))
        if "pdfsmaller" in str(tmp_path):
            pytest.skip("the folder of temporary files has the service's name")
        assert states(nginx.nginx(Site(None, nginx_conf=other))) == {"nginx": State.SKIPPED}

    def test_a_host_without_is_passed_over(self, tmp_path: Path) -> None:
        assert states(nginx.nginx(Site(None, nginx_conf=tmp_path / "none"))) == {"nginx": State.SKIPPED}


#: As systemctl prints it: a paragraph for each unit.
_UNIT = "Id={}\nLoadState={}\nActiveState={}\nUnitFileState={}\nResult={}\n"


class TestUnits:
    @pytest.fixture
    def systemd(self, tmp_path: Path, program: PutProgram) -> Callable[..., Site]:
        """A host with systemd, where units are as they are said to be; ``worker`` is the line of a listed one."""

        def make(*shown: tuple[str, ...], failed: tuple[str, ...] = (), worker: str = "") -> Site:
            (tmp_path / "systemd").mkdir()
            (tmp_path / "lasting").write_text("\n".join(_UNIT.format(*unit) for unit in shown))
            (tmp_path / "others").write_text("\n".join(_UNIT.format(*unit) for unit in [failed] if unit))
            script = f"""case "$*" in
list-units*) echo '{worker}' ;;
*pdfsmaller-cleanup.service*) cat {tmp_path}/others ;;
*) echo "$@" > {tmp_path}/asked; cat {tmp_path}/lasting ;;
esac"""
            program("systemctl", script)
            return Site(None, systemd=tmp_path / "systemd")

        return make

    @pytest.mark.parametrize(
        ("active", "at_start", "result", "state", "remedy"),
        [
            ("active", "enabled", "success", "ok", ""),
            ("active", "disabled", "success", "warning", "systemctl enable u.service"),
            ("inactive", "disabled", "success", "warning", "systemctl enable --now u.service"),
            ("inactive", "enabled", "success", "failed", "systemctl start u.service; journalctl -u u.service -n 50"),
            ("failed", "enabled", "exit-code", "failed", "journalctl -u u.service -n 50"),
            ("activating", "enabled", "success", "warning", "systemctl status u.service"),
        ],
    )
    def test_each_is_judged(
        self, systemd: Callable[..., Site], active: str, at_start: str, result: str, state: str, remedy: str
    ) -> None:
        [finding] = units.units(systemd(("u.service", "loaded", active, at_start, result)))
        assert (finding.check, finding.state, finding.remedy) == ("unit u.service", state, remedy)

    def test_workers_are_asked_for_by_name(self, systemd: Callable[..., Site], tmp_path: Path) -> None:
        line = "pdfsmaller-worker@1.service loaded active running PDF Smaller, worker 1"
        site = systemd(("pdfsmaller-worker@1.service", "loaded", "active", "enabled", "success"), worker=line)
        assert states(units.units(site)) == {"unit pdfsmaller-worker@1.service": State.OK}
        asked = (tmp_path / "asked").read_text()
        assert "pdfsmaller-upload.service" in asked
        assert asked.split()[-1] == "pdfsmaller-worker@1.service"

    def test_a_timer_s_service_is_told_of_where_it_failed(self, systemd: Callable[..., Site]) -> None:
        failed = ("pdfsmaller-backup.service", "loaded", "failed", "static", "exit-code")
        site = systemd(("pdfsmaller-backup.timer", "loaded", "active", "enabled", "success"), failed=failed)
        assert states(units.units(site)) == {
            "unit pdfsmaller-backup.timer": State.OK,
            "unit pdfsmaller-backup.service": State.FAILED,
        }

    def test_what_is_not_installed_is_passed_over(self, systemd: Callable[..., Site]) -> None:
        site = systemd(("pdfsmaller-upload.service", "not-found", "inactive", "", "success"))
        assert states(units.units(site)) == {"units": State.SKIPPED}
        assert not units.should_run(site, units.UPLOAD)

    def test_a_host_without_systemd_is_passed_over(self, tmp_path: Path) -> None:
        site = Site(None, systemd=tmp_path / "none")
        assert states(units.units(site)) == {"units": State.SKIPPED}
        assert units.should_run(site, units.UPLOAD)
