from __future__ import annotations

from pathlib import Path

import pytest

from pdfsmaller.errors import UnsuitableDatabase
from pdfsmaller.server import database
from pdfsmaller.server.database import local_disk
from pdfsmaller.server.database.local_disk import file_system, is_network, require_local

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:45 / /srv/share rw,relatime shared:9 master:2 - nfs4 10.0.0.5:/export rw,vers=4.2
31 22 0:46 / /srv/share/local rw,relatime - xfs /dev/sdb1 rw
32 22 0:47 / /mnt/with\040a\040space rw - cifs //server/share rw
33 22 0:48 / /home/me/far rw - fuse.sshfs me@far:/ rw
34 22 0:49 / /twice rw - ext4 /dev/sdc1 rw
35 22 0:50 / /twice rw - nfs 10.0.0.5:/other rw
""".strip()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/pdfsmaller/jobs.db", "ext4"),
        ("/srv/share/jobs.db", "nfs4"),
        ("/srv/share", "nfs4"),
        ("/srv/shared/jobs.db", "ext4"),
        ("/srv/share/local/jobs.db", "xfs"),
        ("/mnt/with a space/a/b/jobs.db", "cifs"),
        ("/home/me/far/jobs.db", "fuse.sshfs"),
        ("/twice/jobs.db", "nfs"),
    ],
)
def test_the_deepest_mount_says_what_a_file_lies_on(path: str, kind: str) -> None:
    assert file_system(Path(path), MOUNTS) == kind


def test_where_nothing_is_mounted_nothing_is_known() -> None:
    assert file_system(Path("/a"), "") == ""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.rclone", "ceph"])
def test_network_file_systems_are_known(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", "fuse.mergerfs", ""])
def test_so_are_local_ones(kind: str) -> None:
    assert not is_network(kind)


def test_a_database_there_is_refused_in_one_line_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:45 / {tmp_path} rw - nfs4 10.0.0.5:/export rw\n")
    monkeypatch.setattr(local_disk, "_MOUNTS", mounts)
    (tmp_path / "elsewhere").symlink_to("/")
    with pytest.raises(UnsuitableDatabase) as caught:
        database.opened(f"sqlite:///{tmp_path}/jobs.db")
    assert "nfs4" in caught.value.message
    assert "PostgreSQL" in caught.value.message
    assert "\n" not in caught.value.message
    require_local(tmp_path / "elsewhere" / "jobs.db")  # it is where the link leads that counts


def test_a_system_that_does_not_tell_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_disk, "_MOUNTS", tmp_path / "absent")
    require_local(tmp_path)
