"""The bounds of the engine's process: what hostile code in it cannot do, and that the engine works within them."""

from __future__ import annotations

import ctypes
import errno
import functools
import json
import os
import platform
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from pdfsmaller import errors, sandbox
from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.confinement import BOUNDS, seccomp
from pdfsmaller.engine.from_images.convert import images_to_pdf
from pdfsmaller.engine.from_images.options import ImageOptions
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.merge.merge import merge
from pdfsmaller.engine.merge.options import MergeOptions
from pdfsmaller.engine.options import CompressOptions, InspectOptions
from pdfsmaller.limits import Limits
from pdfsmaller.operations import find
from tests import documents, pictures

_KERNEL_HAS = {"x86_64": 0, "aarch64": 1}.get(platform.machine())


@functools.cache
def held() -> frozenset[str]:
    """The bounds that this machine's kernel allows."""
    code = (
        "import pathlib, tempfile; from pdfsmaller.engine.confinement import confine; from pdfsmaller.limits import "
        "Limits; print(*confine(Limits(), sources=[], folder=pathlib.Path(tempfile.gettempdir())))"
    )
    return frozenset(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment()
        ).stdout.split()
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


pytestmark = pytest.mark.usefixtures("warm_engine")


def needs(bound: str) -> None:
    if bound not in held():
        pytest.skip(f"this system has no {bound}")


# --- attacks --------------------------------------------------------------------------------------------------------


def attack(sources: list[InputFile], folder: Path, *_: object, **__: object) -> None:
    """The entry point of an engine that was taken over: tries everything; the results, by name, go to the folder."""
    parent = os.getppid()
    outcomes = {name: _outcome(act) for name, act in _attacks(parent, sources[0].path, folder)}
    (folder / "outcomes.json").write_text(json.dumps(outcomes))
    raise errors.EngineFailed("done")


def _outcome(act: Callable[[], object]) -> str:
    """The name of the error that answered, or ``done``."""
    try:
        act()
    except OSError as exc:
        return errno.errorcode.get(exc.errno or 0, str(exc))
    except ValueError:
        return "ValueError"
    return "done"


def _attacks(parent: int, source: Path, folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    import resource
    import socket
    import threading

    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long

    def call(number: int, *arguments: int) -> None:
        if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) < 0:
            raise OSError(ctypes.get_errno(), "")

    def spawn() -> None:
        os.posix_spawn("/bin/true", ["true"], {})

    def fork() -> None:
        if os.fork() == 0:
            os._exit(0)

    def thread() -> None:
        running = threading.Thread(target=lambda: None)
        running.start()
        running.join()

    def oversized() -> None:
        with (folder / "large").open("wb", buffering=0) as file:
            file.truncate(2_000_000)

    yield "socket", lambda: socket.socket().connect(("127.0.0.1", 9))
    yield "unix socket", lambda: socket.socketpair()
    yield "fork", fork
    yield "exec", lambda: os.execv("/bin/true", ["true"])
    yield "spawn", spawn
    yield "signal to the parent", lambda: os.kill(parent, 0)
    yield "limits of the parent", lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE)
    yield "higher limit", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    yield "larger file", oversized
    yield "environment of the parent", Path(f"/proc/{parent}/environ").read_bytes
    yield "memory of the parent", lambda: open(f"/proc/{parent}/mem", "rb")  # noqa: SIM115, PTH123
    yield "file beside the source", (source.parent / "secret").read_bytes
    yield "system file", Path("/etc/passwd").read_bytes
    yield "listing outside", lambda: os.listdir(source.parent)  # noqa: PTH208
    yield "writing outside", lambda: (source.parent / "new").write_bytes(b"x")
    yield "writing to the source", lambda: source.open("r+b")
    yield "removing the source", source.unlink
    yield "rights of the source", lambda: source.chmod(0o777)
    if _KERNEL_HAS is not None:
        for name in ("ptrace", "process_vm_readv", "io_uring_setup", "keyctl", "bpf", "unshare", "mount", "shmget"):
            number = seccomp.DENIED[name][_KERNEL_HAS]
            assert number is not None
            yield name, functools.partial(call, number, 0, 0, 0, 0)
        yield "clone3", lambda: call(435, 0, 0)
        yield "unknown call", lambda: call(500)
    if platform.machine() == "x86_64":
        yield "x32", lambda: call(0x40000000 + 39)
    yield "reading the source", source.read_bytes
    yield "writing to the folder", lambda: (folder / "new").write_bytes(b"x")
    yield "thread", thread


_BY_SECCOMP = {
    name: "EPERM"
    for name in (
        *("socket", "unix socket", "fork", "exec", "spawn", "signal to the parent", "limits of the parent", "ptrace"),
        *("process_vm_readv", "io_uring_setup", "keyctl", "bpf", "unshare", "mount", "shmget", "rights of the source"),
    )
} | {"clone3": "ENOSYS", "unknown call": "ENOSYS", "x32": "ENOSYS"}
_BY_LANDLOCK = {
    name: "EACCES"
    for name in (
        *("environment of the parent", "memory of the parent", "file beside the source", "system file"),
        *("listing outside", "writing outside", "writing to the source", "removing the source"),
    )
}
_BY_LIMITS = {"higher limit": "ValueError", "larger file": "EFBIG"}
_ALLOWED = dict.fromkeys(("reading the source", "writing to the folder", "thread"), "done")


#: A caller of an engine process, whose job is the second argument.
_CALLER = """
import json, sys
from pdfsmaller import errors, sandbox
from pdfsmaller.limits import Limits
from pdfsmaller.sandbox.starting import take
if sys.argv[1] == "forked":
    sandbox.warm_up()
spec = json.loads(sys.argv[2])
try:
    take().run(spec, Limits(**spec["limits"]), None)
except errors.EngineFailed:
    pass
"""


@pytest.fixture(scope="module", params=["fresh", "forked"])
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What came of each attack, in a process started in either way."""
    home = tmp_path_factory.mktemp("attacked")
    source = documents.write(home / "in.pdf", documents.text(1))
    (home / "secret").write_bytes(b"secret")
    folder = home / "job"
    folder.mkdir()
    spec = {
        "entry": "tests.engine.test_confinement:attack",
        "options_class": "pdfsmaller.engine.options:CompressOptions",
        "libraries": [],
        "compares": False,
        "sources": [{"path": str(source), "name": "in.pdf"}],
        "folder": str(folder),
        "options": {},
        "limits": asdict(Limits(max_file_bytes=1_000_000)),
    }
    subprocess.run(
        [sys.executable, "-c", _CALLER, request.param, json.dumps(spec)],
        env=_environment(),
        check=True,
        preexec_fn=_without_capabilities,
    )
    found: dict[str, str] = json.loads((folder / "outcomes.json").read_text())
    return found


def _without_capabilities() -> None:
    """A root without the powers of one: those would pass by permissions and raise limits."""
    libc = ctypes.CDLL(None)
    for capability in range(64):
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_a_process_that_was_taken_over_gets_no_network_and_no_other_process(outcomes: dict[str, str]) -> None:
    needs("seccomp")
    assert {name: outcome for name, outcome in outcomes.items() if name in _BY_SECCOMP} == {
        name: outcome for name, outcome in _BY_SECCOMP.items() if name in outcomes
    }


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_a_process_that_was_taken_over_sees_no_file_but_its_job_s(outcomes: dict[str, str]) -> None:
    needs("landlock")
    assert {name: outcomes[name] for name in _BY_LANDLOCK} == _BY_LANDLOCK


@pytest.mark.skipif(sys.platform != "linux", reason="a process without capabilities is made in Linux's way")
def test_a_process_that_was_taken_over_keeps_its_limits_and_can_still_work(outcomes: dict[str, str]) -> None:
    wanted = _BY_LIMITS | _ALLOWED
    assert {name: outcomes[name] for name in wanted} == wanted


# --- the filter, for machines other than this one -------------------------------------------------------------------


def _answer(machine: str, number: int, argument: int = 0, *, audit: int | None = None) -> int:
    """What a filter answers to a call: its instructions, run here."""
    code = seccomp.program(machine, pid=77)
    data = struct.pack("=iIQQ", number, audit or seccomp._ARCHITECTURES[machine].audit, 0, argument)
    at = loaded = 0
    while True:
        operation, if_true, if_false, value = struct.unpack_from("=HBBI", code, 8 * at)
        at += 1
        if operation == 0x20:
            (loaded,) = struct.unpack_from("=I", data, value)
        elif operation == 0x06:
            return int(value)
        else:
            holds = {0x15: loaded == value, 0x25: loaded > value, 0x45: bool(loaded & value)}[operation]
            at += if_true if holds else if_false


_ALLOW, _EPERM, _ENOSYS, _KILL = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS, 0x80000000


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_of_each_architecture(machine: str) -> None:
    cpu = seccomp._ARCHITECTURES[machine]
    answer = functools.partial(_answer, machine)
    read = {"x86_64": 0, "aarch64": 63}[machine]
    assert answer(read) == _ALLOW
    assert answer(read, audit=0x40000003) == _KILL  # i386
    for numbers in seccomp.DENIED.values():
        if (number := numbers[cpu.column]) is not None:
            assert answer(number) == _EPERM
    assert answer(cpu.clone, 0x00010000 | 0x100) == _ALLOW
    assert answer(cpu.clone, 17) == _EPERM  # a fork: SIGCHLD alone
    assert answer(435) == answer(seccomp.NEWEST + 1) == answer(0x40000000 + read) == _ENOSYS
    assert (answer(cpu.kill, 77), answer(cpu.kill, 76)) == (_ALLOW, _EPERM)
    assert (answer(cpu.tgkill, 77), answer(cpu.tgkill, 76)) == (_ALLOW, _EPERM)
    assert (answer(cpu.prlimit64, 0), answer(cpu.prlimit64, 76)) == (_ALLOW, _EPERM)


_HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", _HEADERS)
def test_the_numbers_of_calls_are_those_of_the_kernel_s_headers(machine: str) -> None:
    if not _HEADERS[machine].exists():
        pytest.skip("no headers of the kernel here")
    text = _HEADERS[machine].read_text()
    known = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    cpu = seccomp._ARCHITECTURES[machine]
    own = {name: numbers[cpu.column] for name, numbers in seccomp.DENIED.items()}
    own |= {name: getattr(cpu, name) for name in ("seccomp", "clone", "clone3", "kill", "tgkill", "prlimit64")}
    assert {name: number for name, number in own.items() if number is not None and known.get(name) != number} == {}
    assert [name for name, number in own.items() if number is None and name in known] == []


# --- the engine within them -----------------------------------------------------------------------------------------

#: Of every kind of library one: codecs, profiles, fonts, filters in Lua, repair.
_QUICK: dict[str, documents.Make] = {
    make.__name__: make
    for make in (
        *(documents.ccitt_g4, documents.icc_rgb, documents.jpx),
        *(documents.structured, documents.truncated, documents.broken_image),
    )
}
_MAKES = {
    name: make
    for group in (documents.IMAGES, documents.STRUCTURES, documents.BROKEN)
    for name, make in group.items()
    if make not in (documents.empty, documents.not_a_pdf)
}


@pytest.mark.parametrize("forked", [True, False])
def test_a_report_names_the_bounds_that_held(forked: bool, tmp_path: Path) -> None:
    if not forked:
        sandbox.cool_down()
    source = documents.write(tmp_path / "in.pdf", documents.photo_jpeg())
    report = sandbox.run_compress(source, tmp_path / "out.pdf", CompressOptions(), Limits())
    assert set(report.bounds) == held()
    if sys.platform == "linux":
        assert set(BOUNDS[:5]) <= held()
    assert set(sandbox.inspect(InputFile(source, "in.pdf"), InspectOptions(), Limits())["bounds"]) == held()


@pytest.mark.parametrize(
    "name", [name if name in _QUICK else pytest.param(name, marks=pytest.mark.slow) for name in _QUICK | _MAKES]
)
def test_every_kind_of_document_comes_out_as_it_does_without_bounds(name: str, tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", (_QUICK | _MAKES)[name]())
    options = CompressOptions(preset="ebook")
    try:
        compress(source, tmp_path / "free.pdf", options)
    except errors.PdfSmallerError as exc:
        with pytest.raises(type(exc)):
            sandbox.run_compress(source, tmp_path / "bound.pdf", options, Limits())
        return
    sandbox.run_compress(source, tmp_path / "bound.pdf", options, Limits())
    assert (tmp_path / "bound.pdf").read_bytes() == (tmp_path / "free.pdf").read_bytes()


@pytest.mark.parametrize("preset", ["lossless", "scan"])
def test_other_presets_come_out_as_they_do_without_bounds(preset: str, tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.structured())
    options = CompressOptions.parse({"preset": preset})
    compress(source, tmp_path / "free.pdf", options)
    sandbox.run_compress(source, tmp_path / "bound.pdf", options, Limits())
    assert (tmp_path / "bound.pdf").read_bytes() == (tmp_path / "free.pdf").read_bytes()


def test_every_image_format_can_be_read_within_the_bounds(tmp_path: Path) -> None:
    sources = [InputFile(documents.write(tmp_path / name, make()), name) for name, make in pictures.DECODED.items()]
    sources.append(InputFile(documents.write(tmp_path / "heic", pictures.heic()), "heic"))
    options = ImageOptions()
    images_to_pdf(sources, tmp_path / "free.pdf", options)
    sandbox.run_to(find("image-to-pdf"), sources, tmp_path / "bound.pdf", options, Limits())
    assert (tmp_path / "bound.pdf").read_bytes() == (tmp_path / "free.pdf").read_bytes()


def test_merging_within_the_bounds(tmp_path: Path) -> None:
    makes = (documents.structured, documents.form, documents.truncated, documents.photo_jpeg)
    sources = [InputFile(documents.write(tmp_path / f"{m.__name__}.pdf", m()), m.__name__) for m in makes]
    options = MergeOptions()
    merge(sources, tmp_path / "free.pdf", options)
    sandbox.run_to(find("merge"), sources, tmp_path / "bound.pdf", options, Limits())
    assert (tmp_path / "bound.pdf").read_bytes() == (tmp_path / "free.pdf").read_bytes()


def test_a_fork_server_has_loaded_what_documents_use(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.structured())
    code = (
        "import sys; from pathlib import Path; import pdfsmaller.engine.child; from pdfsmaller.engine import "
        "ahead, libraries; from pdfsmaller.engine.options import CompressOptions; libraries.load();"
        "[step() for step in ahead.steps([])]; before = set(sys.modules);"
        "from pdfsmaller.engine.compress import compress;"
        f"compress(Path({str(source)!r}), Path({str(tmp_path / 'out.pdf')!r}), CompressOptions(preset='screen'));"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment())
    assert [name for name in done.stdout.split() if not name.startswith(("PIL.", "encodings."))] == []


def test_a_file_over_the_limit_is_said_so(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.photo_flate(2_000, 1_500))
    with pytest.raises(errors.LimitExceeded) as caught:
        sandbox.run_compress(
            source, tmp_path / "out.pdf", CompressOptions(preset="lossless"), Limits(max_file_bytes=100_000)
        )
    assert (caught.value.limit, caught.value.allowed) == ("max_file_bytes", 100_000)


def test_processor_time_over_the_limit_ends_the_process_without_its_parent(tmp_path: Path) -> None:
    if "rlimit_cpu" not in held():
        pytest.skip("this system has no rlimit_cpu")
    code = (
        "import pathlib, sys; from pdfsmaller.engine.confinement import confine; from pdfsmaller.limits import Limits;"
        f"confine(Limits(hard_seconds=0.2), sources=[], folder=pathlib.Path({str(tmp_path)!r}))\nwhile True: pass"
    )
    done = subprocess.run([sys.executable, "-c", code], env=_environment(), timeout=60)
    assert done.returncode == -signal.SIGXCPU
