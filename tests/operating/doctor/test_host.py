"""The host's disks, memory, clock and permissions, as the doctor sees them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pdfsmaller.operating.doctor import clock, disk, permissions, pressure, tools
from pdfsmaller.operating.doctor.finding import State, above, duration
from pdfsmaller.operating.doctor.site import Site
from pdfsmaller.operating.place import Place
from tests.operating.doctor.conftest import settings_of, states

MakeSite = Callable[..., Site]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte with 64 inodes."""
    path = tmp_path / "tiny"
    path.mkdir()
    mount = shutil.which("mount", path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
    options = ["-t", "tmpfs", "-o", "size=1m,nr_inodes=64", "tmpfs", str(path)]
    if mount is None or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    yield path
    subprocess.run(["umount", str(path)], check=True)


class TestDisk:
    @pytest.mark.parametrize(("percent", "state"), [(50, "ok"), (85, "warning"), (97, "failed")])
    def test_one_that_fills_up_is_told(self, tiny_disk: Path, percent: int, state: str) -> None:
        (tiny_disk / "large").write_bytes(bytes(percent * 1_048_576 // 100))
        found = states(disk.disks(Site(Place(settings_of(tiny_disk), None))))
        assert found[f"disk {tiny_disk}"] == state
        assert found[f"inodes of {tiny_disk}"] is State.OK

    def test_one_without_inodes_is_told(self, tiny_disk: Path) -> None:
        for number in range(60):
            (tiny_disk / str(number)).touch()
        found = {one.check: one for one in disk.disks(Site(Place(settings_of(tiny_disk), None)))}
        finding = found[f"inodes of {tiny_disk}"]
        assert finding.state is State.FAILED
        assert "df -i" in finding.remedy

    def test_each_is_looked_at_once(self, site: MakeSite) -> None:
        checks = [finding.check for finding in disk.disks(site())]
        assert len(checks) == len(set(checks)) >= 1

    def test_how_long_writing_takes_is_measured_and_leaves_nothing(self, site: MakeSite, tmp_path: Path) -> None:
        here = site()
        before = set(tmp_path.iterdir())
        [finding] = disk.writing(here)
        assert "ms until 4 KB" in finding.found
        assert set(tmp_path.iterdir()) == before


class TestMemory:
    @pytest.fixture
    def proc(self, tmp_path: Path) -> Path:
        (tmp_path / "proc" / "pressure").mkdir(parents=True)
        return tmp_path / "proc"

    def test_this_host_s_can_be_read(self) -> None:
        found = states(pressure.memory(Site(None)))
        assert "memory" in found
        assert State.SKIPPED not in found.values()

    @pytest.mark.parametrize(("available", "state"), [(500, "ok"), (80, "warning"), (30, "failed")])
    def test_what_is_left_counts(self, proc: Path, available: int, state: str) -> None:
        (proc / "meminfo").write_text(
            f"MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: {available} kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"
        )
        assert states(pressure.memory(Site(None, proc=proc))) == {"memory": state}

    def test_swap_that_is_in_use_is_told(self, proc: Path) -> None:
        (proc / "meminfo").write_text(
            "MemTotal: 1000 kB\nMemAvailable: 900 kB\nSwapTotal: 1000 kB\nSwapFree: 40 kB\nHugePages_Total: 0\n"
        )
        assert states(pressure.memory(Site(None, proc=proc)))["swap"] is State.FAILED

    @pytest.mark.parametrize(
        ("some", "full", "state"), [("0.50", "0.00", "ok"), ("55.00", "8.00", "warning"), ("99.00", "61.00", "failed")]
    )
    def test_waiting_is_told(self, proc: Path, some: str, full: str, state: str) -> None:
        for what in ("memory", "io"):
            (proc / "pressure" / what).write_text(
                f"some avg10=0.00 avg60={some} avg300=0.00 total=1\nfull avg10=0.00 avg60={full} avg300=0.00 total=1\n"
            )
        found = states(pressure.pressure(Site(None, proc=proc)))
        assert found == {"waiting for memory": state, "waiting for disks": state}

    def test_a_kernel_that_does_not_tell_is_passed_over(self, proc: Path) -> None:
        assert set(states(pressure.pressure(Site(None, proc=proc))).values()) == {State.SKIPPED}


class TestPermissions:
    @pytest.mark.parametrize(("mode", "state"), [(0o640, "ok"), (0o660, "warning"), (0o644, "failed"), (0o600, "ok")])
    def test_of_the_settings(self, tmp_path: Path, mode: int, state: str) -> None:
        path = tmp_path / "pdfsmaller.env"
        path.touch()
        path.chmod(mode)
        [finding] = permissions.env_file(Site(None, env_file=path))
        assert finding.state == state
        assert finding.remedy == ("" if state == "ok" else f"chmod 0640 {path}")

    def test_of_what_everybody_can_reach(self) -> None:
        with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
            outer, data = Path(name), Path(name) / "data"
            (data / "files").mkdir(parents=True)
            here = Site(Place(settings_of(data), None))
            for path, mode in ((data / "files", 0o755), (data, 0o755), (outer, 0o700)):
                path.chmod(mode)
            [closed] = permissions.data(here)
            assert (closed.state, f"in {outer}" in closed.found) == (State.OK, True)
            outer.chmod(0o755)
            assert states(permissions.data(here)) == {"permissions of the data": State.WARNING}

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_that_root_has_made_what_the_service_writes_to(self, site: MakeSite, tmp_path: Path) -> None:
        here = site()
        assert states(permissions.data(here))["owner of the database"] is State.OK
        os.chown(tmp_path, 12_345, 12_345)
        found = {one.check: one for one in permissions.data(here)}
        assert found["owner of the database"].state is State.FAILED
        assert "jobs.db" in found["owner of the database"].found
        for path in tmp_path.glob("jobs.db*"):
            os.chown(path, 12_345, 12_345)
        assert states(permissions.data(here))["owner of the database"] is State.OK

    def test_of_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        [finding] = permissions.data(Site(Place(settings_of(tmp_path / "none"), None)))
        assert (finding.state, finding.remedy) == (State.FAILED, "pdfsmaller admin init")


class TestClock:
    def test_of_the_database_is_this_host_s(self, site: MakeSite) -> None:
        assert states(clock.clock_of_the_database(site())) == {"clock of the database": State.OK}

    @pytest.mark.parametrize(("answer", "state"), [("yes", "ok"), ("no", "warning")])
    def test_that_nothing_keeps_it_right_is_told(
        self, program: Callable[[str, str], Path], answer: str, state: str
    ) -> None:
        program("timedatectl", f'[ "$1" = show ] && echo {answer}')
        assert states(clock.synchronised(Site(None))) == {"clock": state}

    def test_a_host_that_does_not_tell_is_passed_over(self, program: Callable[[str, str], Path]) -> None:
        program("timedatectl", "echo 'Failed to connect to bus' >&2; exit 1")
        assert states(clock.synchronised(Site(None))) == {"clock": State.SKIPPED}


class TestTools:
    def test_the_engine_s_are_tried(self) -> None:
        found = {one.check: one for one in tools.tools(Site(None))}
        assert {"tool LuaJIT", "tool pikepdf", "tool libvips", "tool PDFium", "sandbox"} == set(found)
        assert {one.state for name, one in found.items() if name != "sandbox"} == {State.OK}
        assert found["tool LuaJIT"].found.startswith("LuaJIT 2")

    def test_one_that_cannot_be_loaded_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "pyvips.py").write_text("raise OSError('libvips.so.42: cannot open shared object file')")
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
        found = {one.check: one for one in tools.tools(Site(None))}
        assert found["tool libvips"].state is State.FAILED
        assert "libvips.so.42" in found["tool libvips"].found
        assert found["tool pikepdf"].state is State.OK

    def test_what_does_not_bind_is_told(self) -> None:
        finding = tools._sandbox(
            ["rlimit_as", "rlimit_cpu", "rlimit_fsize", "rlimit_nofile", "no_new_privs", "seccomp"]
        )
        assert (finding.state, finding.found) == (State.WARNING, "landlock does not hold here")


@pytest.mark.parametrize(("number", "state"), [(80, "ok"), (80.1, "warning"), (90, "warning"), (90.1, "failed")])
def test_limits_are_passed_from_above(number: float, state: str) -> None:
    assert above("x", number, "", "do", warn=80, fail=90).state == state


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (119, "119 s"), (600, "10 min"), (7_200, "2 h"), (200_000, "2 days")]
)
def test_spans_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
