"""Whether a folder lies on a disk of this host.

SQLite's processes share memory, and its locks are the file system's: on a network file system two hosts see neither,
and the file is damaged in the end (https://sqlite.org/wal.html).
"""

from __future__ import annotations

import re
from pathlib import Path

from pdfsmaller.errors import UnsuitableDatabase

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "fhgfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "smb3",
        "smbfs",
    }
)
_NETWORK_FUSE = re.compile(
    r"fuse\.(sshfs|s3fs|gcsfuse|goofys|rclone|glusterfs|ceph|juicefs|davfs|curlftpfs|smbnetfs|nfs|mount-s3|mountpoint-s3"
    r"|seaweedfs|moosefs|mfs|beegfs|gvfsd-fuse|blobfuse2?|vmhgfs-fuse)"
)
_ESCAPE = re.compile(r"\\([0-7]{3})")  # as mountinfo writes spaces


def require_local(path: Path) -> None:
    """Return where ``path`` may hold SQLite's file. Where the system does not tell (no Linux) it may.

    Raises:
        UnsuitableDatabase: it lies on a network file system.
    """
    try:
        mounts = _MOUNTS.read_text()
    except OSError:
        return
    kind = file_system(path.resolve(), mounts)
    if is_network(kind):
        raise UnsuitableDatabase(
            f"The SQLite database lies on a network file system ({kind}), where it would be damaged: put it on a local "
            "disk, or use PostgreSQL (DATABASE_URL=postgresql://…)."
        )


def is_network(kind: str) -> bool:
    """Whether a type of file system is one that several hosts see."""
    return kind in _NETWORK or _NETWORK_FUSE.fullmatch(kind) is not None


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that an absolute path lies on, by the text of /proc/self/mountinfo; empty if unknown.

    Its form: https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    """
    deepest, found = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), before.split(" ")[4]))
        # Of two on one point the later covers the former.
        if path.is_relative_to(point) and len(point.parts) >= deepest:
            deepest, found = len(point.parts), after.split(" ")[0]
    return found
