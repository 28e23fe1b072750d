"""Which system calls this process may make, by a seccomp filter (Linux on x86_64 and aarch64).

What is not allowed is answered with an error, as if the caller had no right to it, so that a library can do without;
only a call of another architecture's ends the process. Calls newer than the tables below do not exist for it: what
they would allow is not known here.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from functools import cache

from pdfsmaller.linux import Refused, syscall
from pdfsmaller.records import record

#: Refused calls: their numbers on x86_64 and aarch64 (None: it has none of the name).
DENIED: dict[str, tuple[int | None, int | None]] = {
    # Other programs and processes.
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # The network and every other socket.
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "recvmmsg": (299, 243),
    "shutdown": (48, 210),
    "getsockname": (51, 204),
    "getpeername": (52, 205),
    "setsockopt": (54, 208),
    "getsockopt": (55, 209),
    # Memory and messages shared between processes.
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183),
    "mq_notify": (244, 184),
    "mq_getsetattr": (245, 185),
    # Large and often faulty parts of the kernel.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "io_setup": (206, 0),
    "io_submit": (209, 2),
    "io_cancel": (210, 3),
    "io_destroy": (207, 1),
    "io_getevents": (208, 4),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "personality": (135, 92),
    "modify_ldt": (154, None),
    "vmsplice": (278, 75),
    "lookup_dcookie": (212, 18),
    # Views of the file system, and files by handle.
    "mount": (165, 40),
    "umount2": (166, 39),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    # Owners, rights and times of files, which Landlock does not guard.
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "utime": (132, None),
    "utimes": (235, None),
    "utimensat": (280, 88),
    "futimesat": (261, None),
    # The machine.
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "iopl": (172, None),
    "ioperm": (173, None),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    # Rights of this process.
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setfsuid": (122, 151),
    "setfsgid": (123, 152),
    "setgroups": (116, 159),
    "capset": (126, 91),
}

#: The newest call that the tables above were made with (``cachestat``, Linux 6.5), on every architecture. The calls of
#: x32, another way into an x86_64 kernel, are above it as well.
NEWEST = 451

# include/uapi/linux/seccomp.h, filter.h, sched.h
_SECCOMP_SET_MODE_FILTER, _FILTER_FLAG_TSYNC = 1, 1
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _GREATER, _BITS, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data; both are little-endian
_CLONE_THREAD = 0x00010000


@record(frozen=True)
class _Architecture:
    """One architecture: what the kernel calls it, its column in ``DENIED``, and the calls that are not just refused."""

    audit: int
    column: int
    seccomp: int
    clone: int
    kill: int
    tgkill: int
    prlimit64: int
    clone3: int = 435


_ARCHITECTURES = {
    "x86_64": _Architecture(0xC000003E, 0, seccomp=317, clone=56, kill=62, tgkill=234, prlimit64=302),
    "aarch64": _Architecture(0xC00000B7, 1, seccomp=277, clone=220, kill=129, tgkill=131, prlimit64=261),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def restrict() -> None:
    """Put the filter on every thread of this process, for good. ``no_new_privs`` must hold.

    Raises:
        OSError: the kernel refuses it.
        Refused: there is no table for this machine, or a thread has a filter of its own.
    """
    machine = os.uname().machine
    if machine not in _ARCHITECTURES or struct.calcsize("P") != 8:
        raise Refused(f"no table of system calls for {machine}")
    code = program(machine, os.getpid())
    called = _Program(len(code) // 8, code)
    number = ctypes.c_uint(_SECCOMP_SET_MODE_FILTER)
    if syscall(_ARCHITECTURES[machine].seccomp, number, ctypes.c_uint(_FILTER_FLAG_TSYNC), ctypes.byref(called)):
        raise Refused("a thread has a filter of its own")


def prepare() -> None:
    """Make what the filters of this process and of those forked from it have in common."""
    machine = os.uname().machine
    if machine in _ARCHITECTURES:
        _common(machine)


def program(machine: str, pid: int) -> bytes:
    """The filter for process ``pid`` in the kernel's classic BPF."""
    cpu = _ARCHITECTURES[machine]
    own = [*_only(cpu.kill, _EQUAL, pid), *_only(cpu.tgkill, _EQUAL, pid), _answer(_ALLOW)]
    return _common(machine) + b"".join(own)


@cache
def _common(machine: str) -> bytes:
    """The filter up to what depends on the process."""
    cpu = _ARCHITECTURES[machine]
    lines = [
        _load(_ARCHITECTURE),
        _compare(_EQUAL, cpu.audit, if_true=1),
        _answer(_KILL_PROCESS),
        _load(_NUMBER),
        _compare(_GREATER, NEWEST, if_false=1),
        _answer(_ERRNO | errno.ENOSYS),
        _compare(_EQUAL, cpu.clone3, if_false=1),  # its flags lie in memory, where no filter can look
        _answer(_ERRNO | errno.ENOSYS),  # libraries use clone then
    ]
    for numbers in DENIED.values():
        if (number := numbers[cpu.column]) is not None:
            lines += [_compare(_EQUAL, number, if_false=1), _answer(_ERRNO | errno.EPERM)]
    lines += _only(cpu.clone, _BITS, _CLONE_THREAD)
    lines += _only(cpu.prlimit64, _EQUAL, 0)
    return b"".join(lines)


def _only(number: int, how: int, value: int) -> list[bytes]:
    """Allow a call only with a first argument that equals ``value``, or has one of its bits."""
    return [
        _compare(_EQUAL, number, if_false=4),
        _load(_FIRST_ARGUMENT),
        _compare(how, value, if_true=1),
        _answer(_ERRNO | errno.EPERM),
        _answer(_ALLOW),
    ]


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, 0, 0, offset)


def _compare(how: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    """Compare what is loaded with a value, and skip so many instructions."""
    return _instruction(how, if_true, if_false, value)


def _answer(action: int) -> bytes:
    return _instruction(_RETURN, 0, 0, action)


def _instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    """A ``struct sock_filter``."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
