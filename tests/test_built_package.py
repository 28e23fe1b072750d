"""The package that Lambda gets: complete, small enough, for the right processor; and its handlers do their work with
nothing else on their path, in a clean Python 3.13, against moto's server as AWS.

Running arm64 is not shown: its files are only looked at.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import yaml
from moto.server import ThreadedMotoServer

from layers.packing import platforms, sizes
from pdfsmaller.aws import clients
from pdfsmaller.engine.compress import compress as compress_here
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.jobs.keys import input_key, result_key
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.submit import SubmitService
from tests import documents, pictures
from tests.aws_stack import Clock, Stack, made_resources
from tests.built_package import BuiltFunction, build, clean_python, function_environment, python_313
from tests.functions.test_entry_points import EVENTS, function_url_event, sqs_event

pytestmark = pytest.mark.slow

GLIBC_OF_AMAZON_LINUX_2023 = 34  # 2.34
#: Half of what Lambda takes (250 MiB).
AIM_BYTES = 131_072_000


@pytest.fixture(scope="module", params=list(platforms.WHEEL_MACHINES))
def any_build(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """An architecture and its build."""
    return request.param, build(request.param)


@pytest.fixture(scope="module")
def native_files(any_build: tuple[str, Path]) -> dict[Path, str]:
    """Every file with machine code, and the architecture it is for."""
    files = (path for path in any_build[1].rglob("*") if path.is_file())
    return {path: machine for path in files if (machine := platforms.machine_of(path))}


class TestContents:
    def test_all_machine_code_is_for_the_architecture_built(
        self, any_build: tuple[str, Path], native_files: dict[Path, str]
    ) -> None:
        arch, folder = any_build
        assert {path: machine for path, machine in native_files.items() if machine != arch} == {}
        assert len(native_files) > 30
        assert {path for path in folder.rglob("*") if ".so" in path.suffixes} <= set(native_files)

    def test_machine_code_runs_with_lambdas_glibc(self, native_files: dict[Path, str]) -> None:
        for path in native_files:
            newest = max(map(int, re.findall(rb"\0GLIBC_2\.(\d+)", path.read_bytes())), default=0)
            assert newest <= GLIBC_OF_AMAZON_LINUX_2023, path

    def test_no_library_that_a_wheel_brought_is_missing(self, native_files: dict[Path, str]) -> None:
        there = {path.name for path in native_files}
        for path in native_files:
            names = re.findall(rb"\0(lib[\w+.-]+-[0-9a-f]{8}\.so[\w.]*)(?=\0)", path.read_bytes())
            assert {name.decode() for name in names} <= there, path

    def test_all_of_it_together_is_small(self, any_build: tuple[str, Path]) -> None:
        found = sizes.measured(any_build[1])
        sizes.check(found)
        assert sum(size.unzipped for size in found.values()) < AIM_BYTES

    def test_layers_agree_where_they_overlap(self, any_build: tuple[str, Path]) -> None:
        core, engine = (any_build[1] / name / "python" for name in sizes.LAYERS)
        for path in engine.rglob("*"):
            other = core / path.relative_to(engine)
            if path.is_file() and other.exists():
                assert other.read_bytes() == path.read_bytes(), path

    def test_every_function_has_its_own_code_only(self, any_build: tuple[str, Path]) -> None:
        for name in sizes.FUNCTIONS:
            own = {"CallbackFunction": "cleanup"}.get(name, name.removesuffix("Function").lower())
            assert [path.name for path in (any_build[1] / name).iterdir()] == [own]

    def test_the_template_takes_no_other_architecture(self, any_build: tuple[str, Path]) -> None:
        arch, folder = any_build
        parameter = yaml.safe_load((folder / "template.yaml").read_text())["Parameters"]["Architecture"]
        assert (parameter["Default"], parameter["AllowedValues"]) == (arch, [arch])


# --- running it -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = python_313()
    if found is None:
        pytest.skip("there is no Python 3.13 here, Lambda's version → install one, or name it in PYTHON313")
    return clean_python(found, tmp_path_factory.mktemp("python") / "venv")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def live(address: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The stack's resources in moto's server, for this process and for the functions."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    clients.forget_clients()
    return made_resources(clock)


class Functions:
    """Starts functions of the build that see only the stack."""

    def __init__(self, stack: Stack, python: Path, address: str, tmp: Path) -> None:
        self.build, self._python = build("x86_64"), python
        self._environment = function_environment(stack.settings, address) | {"TMPDIR": str(tmp)}

    def start(self, name: str) -> BuiltFunction:
        function = BuiltFunction(name, self.build, self._python, self._environment)
        function.wait_until_ready()
        return function

    def assert_alone(self, function: BuiltFunction) -> None:
        """It imported the package and the standard library, and nothing else."""
        strange = [
            path
            for path in function.imported()
            if "site-packages" in path.parts or not (path.is_relative_to(self.build) or "python3.13" in path.parts)
        ]
        assert strange == []


@pytest.fixture
def functions(live: Stack, python: Path, address: str, tmp_path: Path) -> Functions:
    return Functions(live, python, address, tmp_path)


def submit(stack: Stack, operation: str, files: dict[str, bytes], **fields: Any) -> Job:
    incoming = [IncomingFile(name, io.BytesIO(data)) for name, data in files.items()]
    [job] = SubmitService(stack.world).submit_files(incoming, fields, operation)
    return job


def run(function: BuiltFunction, stack: Stack, job: Job) -> Job:
    """Bring the job's event; the job afterwards."""
    event = sqs_event(stack, stack.event(input_key(job.job_id, job.input_count - 1)))
    assert function.invoke(event) == {"batchItemFailures": []}
    done = stack.job(job.job_id)
    assert (done.status, done.error) == (Status.SUCCEEDED, None)
    return done


def pages(stack: Stack, job: Job, password: str = "") -> int:
    body = stack.result(result_key(job.job_id, 1, 0))["Body"].read()
    with pikepdf.open(io.BytesIO(body), password=password) as pdf:
        return len(pdf.pages)


COMPRESSED = (
    documents.annotation_appearance,
    documents.bilevel_as_rgb,
    documents.broken_xref,
    documents.ccitt_g4,
    documents.chart_flate,
    documents.cmyk_jpeg,
    documents.form,
    documents.icc_rgb,
    documents.indexed_4,
    documents.inline_image,
    documents.jpx,
    documents.lab,
    documents.pdfa_2b,
    documents.photo_jpeg,
    documents.rgb_16,
    documents.soft_mask,
    documents.structured,
)


class TestHandlers:
    def test_upload_takes_a_pdf_and_shows_its_job(self, functions: Functions, live: Stack) -> None:
        pdf = documents.encrypted_user()
        parts = {b'name="files"; filename="a.pdf"': pdf, b'name="password"': documents.USER_PASSWORD.encode()}
        body = b"".join(
            b"--x\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + part + b"\r\n"
            for head, part in parts.items()
        )
        body += b"--x--\r\n"
        headers = {"content-type": "multipart/form-data; boundary=x", "content-length": str(len(body))}
        with functions.start("upload") as upload:
            answer = upload.invoke(function_url_event("POST", "/api/compress", body, headers))
            assert answer["statusCode"] == 202, answer
            job_id = json.loads(answer["body"])["job_id"]
            assert live.job(job_id).password
            assert live.upload_keys() == [input_key(job_id, 0)]
            for path in (f"/api/jobs/{job_id}", "/api/health", "/metrics", "/openapi.json", "/", "/assets/page.js"):
                answer = upload.invoke(function_url_event("GET", path))
                assert answer["statusCode"] == 200, (path, answer)
            ask = json.dumps({"files": [{"name": "b.pdf", "size": 5}]}).encode()
            answer = upload.invoke(
                function_url_event("POST", "/api/uploads", ask, {"content-type": "application/json"})
            )
            assert answer["statusCode"] == 201, answer
            functions.assert_alone(upload)

    def test_compress_does_every_kind_of_document(self, functions: Functions, live: Stack, tmp_path: Path) -> None:
        options = CompressOptions(preset="screen", verify="full")
        with functions.start("compress") as compress:
            for made in COMPRESSED:
                pdf = made()
                done = run(compress, live, submit(live, "compress", {"a.pdf": pdf}, preset="screen", verify="full"))
                assert done.result
                assert done.result["bytes"] <= len(pdf), made
                # Nothing is missing that it would do without: an image is skipped only where the whole engine skips it.
                report = compress_here(documents.write(tmp_path / "a.pdf", pdf), tmp_path / "b.pdf", options)
                assert done.result["report"]["images"] == report.images.to_json(), made
            functions.assert_alone(compress)

    def test_compress_opens_what_is_encrypted(self, functions: Functions, live: Stack) -> None:
        password = documents.USER_PASSWORD
        job = submit(live, "compress", {"a.pdf": documents.encrypted_user()}, password=password)
        with functions.start("compress") as compress:
            run(compress, live, job)
        assert pages(live, job, password)

    def test_compress_merges(self, functions: Functions, live: Stack) -> None:
        makers = (documents.pdfa_2b, documents.pdfa_1b, documents.structured, documents.form, documents.photo_jpeg)
        files = {f"{made.__name__}.pdf": made() for made in makers}
        job = submit(live, "merge", files)
        with functions.start("compress") as compress:
            run(compress, live, job)
        assert pages(live, job) >= len(files)

    def test_compress_reads_every_format_of_image(self, functions: Functions, live: Stack) -> None:
        images = {f"{name}.bin": make() for name, make in pictures.DECODED.items()} | {"a.heic": pictures.heic()}
        job = submit(live, "image-to-pdf", images)
        with functions.start("compress") as compress:
            run(compress, live, job)
        assert pages(live, job) >= len(images)

    def test_compress_recodes_images_where_asked(self, functions: Functions, live: Stack) -> None:
        names = ("png_rgb", "webp", "avif", "jp2")
        images = {f"{name}.bin": pictures.DECODED[name]() for name in names} | {"a.heic": pictures.heic()}
        job = submit(live, "image-to-pdf", images, color_mode="grayscale", image_quality="50", page_size="A4")
        with functions.start("compress") as compress:
            run(compress, live, job)
        assert pages(live, job) == len(images)

    def test_cleanup_expires_a_job(self, functions: Functions, live: Stack) -> None:
        now = live.clock()
        job = Job(job_id=new_id(), status=Status.SUCCEEDED, created_at=now, updated_at=now, due_at=now - 1)
        live.jobs.create(job)
        live.s3.put_object(Bucket=live.settings.results_bucket, Key=result_key(job.job_id, 1, 0), Body=b"%PDF-")
        with functions.start("cleanup") as cleanup:
            answer = cleanup.invoke(json.loads((EVENTS / "schedule.json").read_text()))
            assert answer["expired"] == 1
            functions.assert_alone(cleanup)
        assert live.result_keys() == []

    def test_every_module_of_the_package_can_be_imported(self, functions: Functions, python: Path) -> None:
        """Also those that no job above needed."""
        code = (
            "import importlib, pkgutil, pdfsmaller\n"
            "for m in pkgutil.walk_packages(pdfsmaller.__path__, 'pdfsmaller.'):\n"
            "    if not m.name.endswith('__main__'): importlib.import_module(m.name)\n"
        )
        path = ":".join(str(functions.build / name / "python") for name in sizes.LAYERS)
        environment = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([str(python), "-c", code], env=environment, check=True)

    def test_all_of_it_is_compiled_ahead(self, functions: Functions) -> None:
        for source in (functions.build / "CoreLayer").rglob("*.py"):
            names = [path.name for path in source.parent.glob(f"__pycache__/{source.stem}.*.pyc")]
            assert names == [f"{source.stem}.cpython-313.pyc"], "built without Python 3.13 → make build PYTHON313=…"
            flags = (source.parent / "__pycache__" / names[0]).read_bytes()[4:8]
            assert flags == b"\x01\0\0\0", "found by hash, not by time, and not compared with its source"
