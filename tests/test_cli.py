"""The command from outside: arguments, files, exit codes, and what it prints. The engine really runs."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import typer

from pdfsmaller import __version__
from pdfsmaller.cli.app import _COMMANDS, made, run
from pdfsmaller.cli.show import size
from tests import documents

pytestmark = pytest.mark.usefixtures("warm_engine")

COMMAND = [sys.executable, "-m", "pdfsmaller.cli"]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return documents.write(tmp_path / "photo.pdf", documents.photo_jpeg(600, 450))


@pytest.fixture(scope="module")
def large() -> bytes:
    """A document that keeps the engine busy for seconds."""
    return documents.photo_flate(4000, 3000)


def command(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], input=stdin, capture_output=True, text=True, encoding="utf-8", timeout=120
    )


def run_here(*arguments: object) -> int:
    """Run the command in this process (the engine is a child process all the same)."""
    return run([str(argument) for argument in arguments])


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


# --- compress -------------------------------------------------------------------------------------------------------


def test_compress_writes_a_smaller_file_and_says_so(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    done = command("compress", photo, "-o", out, "--preset", "screen")
    assert (done.returncode, done.stderr) == (0, "")
    assert out.stat().st_size < photo.stat().st_size
    with pikepdf.open(out) as pdf:
        assert len(pdf.pages) == 1
    assert "→" in done.stdout
    assert "images" in done.stdout
    assert leftovers(tmp_path) == []


_BEGINS = """
import sys
from pdfsmaller import sandbox
from pdfsmaller.cli import main
begin = sandbox.branch
sandbox.branch = lambda jobs: (print(sorted(name for name in sys.modules if "pdfsmaller.cli." in name)), begin(jobs))
main(sys.argv[1:])
"""


def test_the_engine_loads_while_the_command_does(photo: Path, tmp_path: Path) -> None:
    arguments = ["compress", str(photo), "-o", str(tmp_path / "smaller.pdf"), "--quiet"]
    said = subprocess.run([sys.executable, "-c", _BEGINS, *arguments], capture_output=True, text=True, check=True)
    loaded = ["pdfsmaller.cli.bounds", "pdfsmaller.cli.here", "pdfsmaller.cli.names", "pdfsmaller.cli.plain"]
    assert said.stdout == f"{loaded}\n"
    assert (tmp_path / "smaller.pdf").stat().st_size < photo.stat().st_size


def test_json_is_the_report(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.pdf"
    assert run_here("compress", photo, "-o", out, "--json", "--dpi", "100", "--image-quality", "60") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["source"] == str(photo)
    assert said["target"] == str(out)
    report = said["report"]
    assert (report["input_bytes"], report["output_bytes"]) == (photo.stat().st_size, out.stat().st_size)
    assert report["outcome"] == "compressed"
    assert 0 < report["ratio"] < 1
    assert sum(report["after"].values()) == report["output_bytes"]


def test_quiet_says_nothing(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("compress", photo, "-o", tmp_path / "out.pdf", "-q") == 0
    assert capsys.readouterr() == ("", "")


def test_the_source_may_be_the_target(photo: Path) -> None:
    before = photo.stat().st_size
    photo.chmod(0o640)
    assert run_here("compress", photo, "-o", photo, "--preset", "screen", "-q") == 0
    assert photo.stat().st_size < before
    assert stat.S_IMODE(photo.stat().st_mode) == 0o640
    assert leftovers(photo.parent) == []


def test_an_existing_target_is_replaced_through_its_link(photo: Path, tmp_path: Path) -> None:
    real = documents.write(tmp_path / "real.pdf", b"old")
    link = tmp_path / "link.pdf"
    link.symlink_to(real)
    assert run_here("compress", photo, "-o", link, "-q") == 0
    assert link.is_symlink()
    assert real.read_bytes().startswith(b"%PDF")


def test_new_files_have_ordinary_permissions(photo: Path, tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        assert run_here("compress", photo, "-o", tmp_path / "out.pdf", "-q") == 0
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "out.pdf").stat().st_mode) == 0o644


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout here")
def test_the_result_can_go_to_a_pipe(photo: Path) -> None:
    done = subprocess.run([*COMMAND, "compress", photo, "-o", "/dev/stdout", "-q"], capture_output=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith(b"%PDF-")


def test_what_cannot_shrink_is_copied_and_counts_as_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = documents.write(tmp_path / "signed.pdf", documents.signed())
    out = tmp_path / "out.pdf"
    assert run_here("compress", source, "-o", out) == 0
    assert out.read_bytes() == source.read_bytes()
    said = capsys.readouterr().out
    assert "unchanged" in said
    assert "warning (signed)" in said


def test_several_inputs_into_a_folder(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = documents.write(tmp_path / "text.pdf", documents.text())
    folder = tmp_path / "made" / "here"
    assert run_here("compress", photo, other, "--output-dir", folder, "--json") == 0
    assert [Path(said["target"]).name for said in json.loads(capsys.readouterr().out)] == ["photo.pdf", "text.pdf"]
    assert sorted(path.name for path in folder.iterdir()) == ["photo.pdf", "text.pdf"]


def test_one_that_fails_does_not_stop_the_others(photo: Path, tmp_path: Path) -> None:
    bad = documents.write(tmp_path / "bad.pdf", documents.not_a_pdf())
    locked = documents.write(tmp_path / "locked.pdf", documents.encrypted_user())
    folder = tmp_path / "out"
    done = command("compress", bad, locked, photo, "--output-dir", folder)
    assert done.returncode == 3  # the first failure's
    assert [path.name for path in folder.iterdir()] == ["photo.pdf"]
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"pdfsmaller: {bad}: ")
    assert "--password-file" in lines[1]
    assert "1 file:" in done.stdout


def test_a_target_size_within_reach(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    assert run_here("compress", photo, "-o", out, "--target-size", "15KB", "-q") == 0
    assert out.stat().st_size <= 15_000


def test_a_target_size_out_of_reach_writes_the_smallest(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    done = command("compress", photo, "-o", out, "--target-size", "1KB")
    assert done.returncode == 6
    assert out.exists()
    assert "out of reach" in done.stdout


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_the_password_comes_from_a_file(tmp_path: Path, end: str) -> None:
    source = documents.write(tmp_path / "locked.pdf", documents.encrypted_user())
    secret = tmp_path / "secret"
    secret.write_bytes((documents.USER_PASSWORD + end).encode())
    out = tmp_path / "out.pdf"
    assert run_here("compress", source, "-o", out, "--password-file", secret, "-q") == 0
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(out)
    pikepdf.open(out, password=documents.USER_PASSWORD).close()


def test_the_password_comes_from_standard_input(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "locked.pdf", documents.encrypted_user())
    done = command("inspect", source, "--password-file", "-", stdin=documents.USER_PASSWORD + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "encrypted" in done.stdout


# --- exit codes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "-o"),
        (["-o", "a.pdf", "--output-dir", "d"], "one of the two"),
        (["-o", "x.pdf", "--preset", "tiny"], "lossless, printer, ebook, screen, scan"),
        (["-o", "x.pdf", "--dpi", "1"], "--dpi"),
        (["-o", "x.pdf", "--image-quality", "high"], "--image-quality"),
        (["-o", "x.pdf", "--target-size", "small"], "500KB"),
        (["-o", "x.pdf", "--color-mode", "sepia"], "grayscale"),
        (["-o", "x.pdf", "--preset", "lossless", "--dpi", "100"], "lossless"),
        (["-o", "x.pdf", "--max-memory", "lots"], "--max-memory"),
        (["-o", "x.pdf", "--no-such-option"], "--no-such-option"),
    ],
)
def test_wrong_usage_is_said_in_one_line_and_nothing_is_written(
    photo: Path, tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.iterdir())
    arguments = [str(tmp_path / a) if a.endswith(".pdf") else a for a in arguments]
    assert run_here("compress", photo, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_two_inputs_of_one_name_are_refused_before_anything_starts(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = documents.write(tmp_path / "other" / "photo.pdf", photo.read_bytes())
    assert run_here("compress", photo, other, "--output-dir", tmp_path / "out") == 2
    assert not (tmp_path / "out").exists()


def test_an_output_folder_never_overwrites_an_input(photo: Path, tmp_path: Path) -> None:
    before = photo.read_bytes()
    assert run_here("compress", photo, "--output-dir", tmp_path) == 2
    assert photo.read_bytes() == before


def test_several_inputs_need_a_folder(photo: Path, tmp_path: Path) -> None:
    assert run_here("compress", photo, photo, "-o", tmp_path / "x.pdf") == 2
    assert run_here("compress", photo, "-o", tmp_path) == 2


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (documents.empty, 3),
        (documents.not_a_pdf, 3),
        (documents.header_only, 3),
        (documents.encrypted_user, 4),
        (documents.encrypted_for_certificates, 4),
        (documents.many_pages, 5),
    ],
)
def test_each_kind_of_bad_file_has_its_code(make: documents.Make, code: int, tmp_path: Path) -> None:
    source = documents.write(tmp_path / "bad.pdf", make())
    out = tmp_path / "out.pdf"
    done = command("compress", source, "-o", out)
    assert done.returncode == code
    assert done.stderr.startswith(f"pdfsmaller: {source}: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert not out.exists()
    assert leftovers(tmp_path) == []


def test_a_wrong_password_has_its_code(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "locked.pdf", documents.encrypted_user())
    secret = documents.write(tmp_path / "secret", b"guess\n")
    assert run_here("compress", source, "-o", tmp_path / "out.pdf", "--password-file", secret) == 4


def test_files_that_cannot_be_read_or_written(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("compress", tmp_path / "missing.pdf", "-o", tmp_path / "out.pdf") == 7
    assert run_here("compress", tmp_path, "-o", tmp_path / "out.pdf") == 7
    assert run_here("compress", photo, "-o", tmp_path / "no" / "folder" / "out.pdf") == 7
    assert run_here("compress", photo, "-o", tmp_path / "out.pdf", "--password-file", tmp_path / "none") == 7
    assert run_here("inspect", tmp_path / "missing.pdf") == 7
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("pdfsmaller: ") for line in lines)
    assert ".part" not in "".join(lines)


def test_a_file_over_its_time_limit_has_its_code_and_remedy(large: bytes, tmp_path: Path) -> None:
    source = documents.write(tmp_path / "large.pdf", large)
    done = command("compress", source, "-o", tmp_path / "out.pdf", "--timeout", "1", "--effort", "max")
    if done.returncode == 0:
        pytest.skip("this machine is too quick")
    assert done.returncode == 5
    assert "--timeout" in done.stderr
    assert leftovers(tmp_path) == []


def _holds_files(folder: Path) -> bool:
    """Whether there is a file in a folder below; ``Path.glob`` minds folders that are renamed meanwhile. Python itself
    tries with a file whether it may write to the folder for temporary files.
    """
    return any(files for place, _, files in os.walk(folder) if place != str(folder))


def _interrupted(large: bytes, tmp_path: Path, how: signal.Signals) -> tuple[int, str]:
    source = documents.write(tmp_path / "large.pdf", large)
    target = documents.write(tmp_path / "out.pdf", b"as it was")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [*COMMAND, "compress", source, "-o", target, "--effort", "max"],
        env={**os.environ, "TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Tests that run in the background, or after nohup, are started with some signals ignored; so would be this.
        preexec_fn=lambda: signal.signal(how, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 20
    while not _holds_files(temporary) and time.monotonic() < deadline:  # until it has begun to work
        time.sleep(0.02)
    assert process.poll() is None
    process.send_signal(how)
    _, err = process.communicate(timeout=20)
    assert target.read_bytes() == b"as it was"
    assert leftovers(tmp_path) == []
    assert list(temporary.iterdir()) == []
    return process.returncode, err.decode()


def test_ctrl_c_leaves_no_half_file(large: bytes, tmp_path: Path) -> None:
    code, err = _interrupted(large, tmp_path, signal.SIGINT)
    assert code == 130
    assert "Traceback" not in err


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_being_terminated_leaves_no_half_file(how: signal.Signals, large: bytes, tmp_path: Path) -> None:
    code, err = _interrupted(large, tmp_path, how)
    assert code == 128 + how
    assert "Traceback" not in err


def test_a_command_that_outlives_its_terminal_goes_on(photo: Path, tmp_path: Path) -> None:
    """``nohup`` has it ignore what it would else end by."""
    process = subprocess.Popen(
        [*COMMAND, "compress", photo, "-o", tmp_path / "out.pdf"],
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    while process.poll() is None:
        process.send_signal(signal.SIGHUP)
        time.sleep(0.05)
    assert process.returncode == 0


# --- merge ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def texts(tmp_path: Path) -> list[Path]:
    return [documents.write(tmp_path / f"{n} pages.pdf", documents.text(n)) for n in (1, 2, 3)]


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    return documents.write(tmp_path / "photo.jpg", documents.jpeg(documents.photo(120, 80)))


def page_count(path: Path, password: str = "") -> int:
    with pikepdf.open(path, password=password) as pdf:
        return len(pdf.pages)


def test_merge_makes_one_of_several(texts: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    done = command("merge", *texts, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"3 files → {out}: 6 pages, ")
    assert page_count(out) == 6
    assert leftovers(tmp_path) == []


def test_merge_takes_pages_after_a_colon(texts: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.pdf"
    assert run_here("merge", texts[0], f"{texts[2]}:1-2,-1,1", f"{texts[1]}:2-", "-o", out, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["sources"] == [str(texts[0]), str(texts[2]), str(texts[1])]
    assert [source["pages"] for source in said["report"]["sources"]] == [1, 4, 1]
    assert page_count(out) == 6


def test_a_file_with_a_colon_in_its_name_is_a_file(texts: list[Path], tmp_path: Path) -> None:
    odd = documents.write(tmp_path / "2 pages.pdf:1", documents.text(3))
    assert run_here("merge", odd, f"{odd}:1", "-o", tmp_path / "out.pdf", "-q") == 0
    assert page_count(tmp_path / "out.pdf") == 4


def test_the_merged_file_may_be_one_of_the_inputs(texts: list[Path]) -> None:
    assert run_here("merge", texts[1], texts[2], texts[1], "-o", texts[1], "-q", "--no-optimize") == 0
    assert page_count(texts[1]) == 7


def test_merge_tries_every_line_of_the_password_file(texts: list[Path], tmp_path: Path) -> None:
    locked = documents.write(tmp_path / "locked.pdf", documents.encrypted_user())
    secret = documents.write(tmp_path / "secret", f"guess\r\n\n{documents.USER_PASSWORD}\n".encode())
    out = tmp_path / "out.pdf"
    assert run_here("merge", texts[0], locked, "-o", out, "-q") == 4
    assert run_here("merge", texts[0], locked, "-o", out, "--password-file", secret, "-q") == 0
    assert page_count(out, documents.USER_PASSWORD) > 1
    assert run_here("merge", texts[0], locked, "-o", out, "--password-file", secret, "--decrypt", "-q") == 0
    assert page_count(out) > 1


def test_a_broken_input_ends_the_merge_or_is_left_out(texts: list[Path], tmp_path: Path) -> None:
    broken = documents.write(tmp_path / "broken.pdf", documents.header_only())
    out = tmp_path / "out.pdf"
    done = command("merge", texts[0], broken, "-o", out, "--json")
    assert done.returncode == 3
    assert "broken.pdf" in done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "unreadable_pdf"
    assert not out.exists()
    done = command("merge", texts[0], broken, texts[1], "-o", out, "--on-error", "skip")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 files → " in done.stdout
    assert "1 file left out" in done.stdout
    assert "broken.pdf" in done.stdout
    assert page_count(out) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["1 pages.pdf"], 2, "--output"),
        (["1 pages.pdf", "-o", "."], 2, "folder"),
        (["1 pages.pdf:1-x", "-o", "out.pdf"], 2, "page range"),
        (["1 pages.pdf:0", "-o", "out.pdf"], 2, "page range"),
        (["1 pages.pdf:2", "-o", "out.pdf"], 2, "no page 2"),
        (["1 pages.pdf", "-o", "out.pdf", "--outline", "all"], 2, "--outline"),
        (["1 pages.pdf", "-o", "out.pdf", "--on-error", "cry"], 2, "fail, skip"),
        (["1 pages.pdf", "missing.pdf", "-o", "out.pdf"], 7, "missing.pdf"),
        (["1 pages.pdf", "missing.pdf:1-2", "-o", "out.pdf", "--on-error", "skip"], 7, "missing.pdf"),
        (["1 pages.pdf", "photo.jpg", "-o", "out.pdf"], 3, "photo.jpg"),
        (["1 pages.pdf", "2 pages.pdf", "-o", "out.pdf", "--max-pages", "2"], 5, "--max-pages"),
    ],
)
def test_what_cannot_be_merged_is_said_in_one_line(
    texts: list[Path],
    jpeg: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(jpeg.parent)
    assert run_here("merge", *arguments) == code
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not Path("out.pdf").exists()


# --- split ----------------------------------------------------------------------------------------------------------


def test_split_writes_the_parts_and_says_so(texts: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "parts"
    done = command("split", texts[2], "--every", "2", "--output-dir", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{texts[2]} → 2 files: 3 pages, ")
    parts = sorted(out.iterdir())
    assert [(part.name, page_count(part)) for part in parts] == [("3 pages-1.pdf", 2), ("3 pages-2.pdf", 1)]
    assert all(str(part) in done.stdout for part in parts)


def test_split_as_json_names_every_part(texts: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "parts"
    assert run_here("split", texts[1], texts[2], "--pages", "1,-1", "--output-dir", out, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert [body["source"] for body in said] == [str(texts[1]), str(texts[2])]
    assert [Path(target).name for body in said for target in body["targets"]] == sorted(p.name for p in out.iterdir())
    assert [len(body["report"]["parts"]) for body in said] == [2, 2]


def test_one_that_cannot_be_split_does_not_stop_the_others(texts: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "parts"
    done = command("split", texts[0], texts[2], "--pages", "1,3", "--output-dir", out)
    assert done.returncode == 2
    assert "there is no page 3" in done.stderr
    assert sorted(part.name for part in out.iterdir()) == ["3 pages-1.pdf", "3 pages-2.pdf"]


def test_a_part_never_overwrites_an_input(
    texts: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = texts[0].rename(tmp_path / "3 pages-2.pdf")
    before = other.read_bytes()
    assert run_here("split", texts[2], other, "--every", "1", "--output-dir", tmp_path) == 2
    assert "would overwrite the input" in capsys.readouterr().err
    assert other.read_bytes() == before
    assert not (tmp_path / "3 pages-1.pdf").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give one of --pages, --every, --outline-level or --max-size."),
        (["--every", "2", "--max-size", "1MB"], "--max-size cannot go together"),
        (["--every", "0"], "--every cannot be '0'"),
        (["--pages", "1-x"], "--pages cannot be '1-x'"),
        (["--max-size", "9"], "--max-size cannot be '9'"),
        (["--outline-level", "first"], "--outline-level cannot be 'first'"),
    ],
)
def test_what_cannot_be_split_so_is_said_in_one_line_and_nothing_is_written(
    arguments: list[str], said: str, texts: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("split", texts[1], *arguments, "--output-dir", tmp_path / "parts") == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "parts").exists()


# --- images ---------------------------------------------------------------------------------------------------------


def test_images_become_a_page_each(jpeg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    png = tmp_path / "chart.png"
    documents.chart(90, 60).save(png)
    out = tmp_path / "out.pdf"
    assert run_here("images", jpeg, png, jpeg, "-o", out, "--page-size", "A4", "--margin", "10mm") == 0
    assert capsys.readouterr().out.startswith(f"3 files → {out}: 3 pages, ")
    with pikepdf.open(out) as pdf:
        assert [round(float(side)) for side in pdf.pages[0].mediabox[2:]] in ([842, 595], [595, 842])
        assert len(pdf.pages) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["photo.jpg", "--page-size", "A3"], 2, "--page-size"),
        (["photo.jpg", "--margin", "wide"], 2, "--margin"),
        (["photo.jpg", "--resolution", "0"], 2, "--resolution"),
        (["photo.jpg", "missing.png"], 7, "missing.png"),
        (["photo.jpg", "1 pages.pdf"], 3, "1 pages.pdf"),
        (["photo.jpg", "--max-image-size", "100B"], 5, "photo.jpg"),
    ],
)
def test_what_cannot_become_pages_is_said_in_one_line(
    texts: list[Path],
    jpeg: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(jpeg.parent)
    assert run_here("images", *arguments, "-o", "out.pdf") == code
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not Path("out.pdf").exists()


# --- preview --------------------------------------------------------------------------------------------------------


def test_preview_writes_a_picture_for_each_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, pages = documents.write(tmp_path / "text.pdf", documents.text(3)), tmp_path / "pages"
    assert run_here("preview", source, "--output-dir", pages, "--pages", "2-", "--width", "100") == 0
    assert sorted(path.name for path in pages.iterdir()) == ["page-002.webp", "page-003.webp"]
    assert "2 files: 2 pages" in capsys.readouterr().out


def test_previews_of_two_files_do_not_overwrite_each_other(tmp_path: Path) -> None:
    inputs = [documents.write(tmp_path / name, documents.text(1)) for name in ("a.pdf", "b.pdf")]
    done = command("preview", *inputs, "--output-dir", tmp_path / "pages")
    assert done.returncode == 2
    assert "page-001.webp is the result of another input" in done.stderr
    assert len(list((tmp_path / "pages").iterdir())) == 1


# --- dry run --------------------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_presets_would_give_and_writes_nothing(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("compress", photo, "--dry-run", "--preset", "screen") == 0
    said = capsys.readouterr().out
    assert all(preset in said for preset in ("images", "lossless", "printer", "ebook", "screen", "scan"))
    assert list(tmp_path.iterdir()) == [photo]
    assert run_here("compress", photo, "--dry-run", "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert set(body) == {"source", "report"}
    assert len(body["report"]["presets"]) == 5
    assert command("compress", photo, "--dry-run", "-o", tmp_path / "out.pdf").returncode == 2


# --- inspect, version, help -----------------------------------------------------------------------------------------


def test_inspect_tells_where_the_bytes_are(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("inspect", photo) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{photo}: ")
    assert "1 page" in said
    assert "600×450" in said
    assert "300 dpi" in said


def test_inspect_as_json(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here("inspect", photo, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert sum(said["audit"].values()) == said["bytes"] == photo.stat().st_size


@pytest.mark.parametrize(
    ("make", "code"), [(documents.empty, 3), (documents.encrypted_user, 4), (documents.flate_bomb, 5)]
)
def test_inspect_has_the_same_codes(make: documents.Make, code: int, tmp_path: Path) -> None:
    assert run_here("inspect", documents.write(tmp_path / "bad.pdf", make())) == code


def test_version_needs_nothing_heavy() -> None:
    assert command("--version").stdout == f"pdfsmaller {__version__}\n"
    heavy = {"pikepdf", "pyvips", "pypdfium2", "rich", "pydantic"}
    probe = (
        f"import sys; from pdfsmaller.cli import app; app.made('compress'); print(sorted({heavy} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_what_is_registered_for_the_end_of_the_process_is_done(photo: Path, tmp_path: Path) -> None:
    probe = (
        f"import atexit, sys; sys.argv[1:] = ['compress', {str(photo)!r}, '-o', {str(tmp_path / 'out.pdf')!r}, '-q']\n"
        "from pdfsmaller.cli import main\n"
        "atexit.register(print, 'the end', end='')\n"
        "main()"
    )
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert shown.stdout == "the end"


def test_a_plain_line_needs_no_typer(photo: Path, tmp_path: Path) -> None:
    probe = (
        "heavy = {'typer', 'pydantic', 'pikepdf', 'rich'}\n"
        "import sys\n"
        "from pdfsmaller.cli import main\n"
        f"try: main(['compress', {str(photo)!r}, '-o', {str(tmp_path / 'out.pdf')!r}, '-q'])\n"
        "except SystemExit as done: print(done.code, sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "0 []"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["compress", "--help"], ["merge", "-h"], ["images", "-h"], ["inspect", "-h"]]
)
def test_help_tells_the_exit_codes(arguments: list[str]) -> None:
    done = command(*arguments)
    assert done.returncode == 0
    assert "Exit codes: 0 done" in " ".join(done.stdout.split())


def test_output_to_a_closed_pipe_is_no_error(photo: Path) -> None:
    process = subprocess.Popen([*COMMAND, "inspect", photo], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == b""
    assert process.wait(30) == 0
    process.stderr.close()


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (12_345, "12.3 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (5 * 10**9, "5.00 GB"),
    ],
)
def test_sizes_have_three_figures(count: int, said: str) -> None:
    assert size(count) == said


def test_a_progress_bar_is_only_for_terminals(photo: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "compress", photo, "-o", tmp_path / "out.pdf"], stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    shown = io.BytesIO()
    try:
        while chunk := os.read(ours, 4096):
            shown.write(chunk)
    except OSError:  # Linux: the other end is closed
        pass
    os.close(ours)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"photo.pdf" in shown.getvalue()


def test_each_command_is_made_alone() -> None:
    for name in _COMMANDS:
        alone: Any = typer.main.get_command(made(name))
        assert list(alone.commands) == [name]
