"""Jobs in child processes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdfsmaller import errors, media, workspace
from pdfsmaller.limits import Limits
from pdfsmaller.sandbox.process import EngineProcess, unreadable
from pdfsmaller.sandbox.starting import take

if TYPE_CHECKING:  # models take a while to load; a child can be started before that
    from pdfsmaller.engine.inputs import InputFile
    from pdfsmaller.engine.options import CompressOptions, InspectOptions, Options
    from pdfsmaller.engine.report import BaseReport, Report
    from pdfsmaller.engine.results import Done, Progress, ResultFile
    from pdfsmaller.operations import OperationSpec


def run(
    operation: OperationSpec,
    sources: Sequence[InputFile],
    folder: Path,
    options: Options,
    limits: Limits,
    progress: Progress | None = None,
    *,
    stop: Callable[[EngineProcess], None] | None = None,
) -> Done[BaseReport]:
    """Do one job in a child process.

    Args:
        folder: the job's own, which its caller removes: results and temporary files go there.
        options: of the operation's own class.
        progress: told how far the job is, its percentage never less than before; what it raises ends the child and is
            raised here.
        stop: called once with the running child, for a caller that may want to ``kill`` it from another thread.

    Raises:
        RequestError, DocumentError: what the engine found wrong with a document or the options.
        LimitExceeded: also for the memory and the time that ``limits`` allow.
        WorkerCrashed: the child died of something else.
        DiskFull: the job's folder cannot hold what the child wants to write.
    """
    spec = _spec(operation.entry, operation.libraries, operation.compares, sources, folder, options, limits)
    process = take()
    if stop:
        stop(process)
    answer = process.run(spec, limits, progress)
    from pdfsmaller.engine.results import Done

    try:
        report = operation.report.parse(answer["report"])
    except ValueError:
        raise unreadable() from None
    kinds = (media.JSON,) if options.only_reports else operation.media_types
    return Done(report, _results(kinds, folder, answer["files"]))


def run_to(
    operation: OperationSpec,
    sources: Sequence[InputFile],
    target: Path,
    options: Options,
    limits: Limits,
    progress: Progress | None = None,
    *,
    stop: Callable[[EngineProcess], None] | None = None,
) -> BaseReport:
    """``run`` in a folder of its own, for an operation with one result, which takes the place of ``target``."""
    from pdfsmaller.engine.files import replace_file

    with workspace.job_folder() as folder:
        done = run(operation, sources, folder, options, limits, progress, stop=stop)
        (result,) = done.files
        replace_file(result.path, target)
    return done.report


def inspect(source: InputFile, options: InspectOptions, limits: Limits) -> dict[str, Any]:
    """Look into a PDF in a child process.

    Returns:
        The JSON of an ``engine.inspect.Inspection``, whose module takes long to load.

    Raises:
        As ``run``.
    """
    with workspace.job_folder() as folder:
        spec = _spec("pdfsmaller.engine.inspect:run", (), False, [source], folder, options, limits)
        answer = take().run(spec, limits, None)
    report: dict[str, Any] = answer["report"]
    return report


def _spec(
    entry: str,
    libraries: Sequence[str],
    compares: bool,
    sources: Sequence[InputFile],
    folder: Path,
    options: Options,
    limits: Limits,
) -> dict[str, Any]:
    """What a child is told."""
    secret = {"password": options.secret} if options.secret else {}
    kind = type(options)
    return {
        "entry": entry,
        "options_class": f"{kind.__module__}:{kind.__qualname__}",
        "libraries": list(libraries),
        "compares": compares,
        "sources": [{"path": str(source.path), "name": source.name} for source in sources],
        "folder": str(folder),
        "options": options.to_json() | secret,
        "limits": asdict(limits),
    }


def _results(kinds: Collection[str], folder: Path, files: list[dict[str, Any]]) -> tuple[ResultFile, ...]:
    """The results that a child names. A document may have taken it over: none lies outside of the folder, nor is of
    another kind than these.

    Raises:
        EngineFailed: one does.
    """
    from pdfsmaller.engine.results import ResultFile

    results, home = [], folder.resolve()
    for file in files:
        if not all(isinstance(file.get(name), str) for name in ("file", "name", "media_type")) or "\0" in file["file"]:
            raise unreadable()
        path = folder / file["file"]
        if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(home):
            raise errors.EngineFailed("The engine named a result that is no file of its job.")
        if file["media_type"] not in kinds:
            raise errors.EngineFailed("The engine named a result of a kind that its operation does not make.")
        results.append(ResultFile(path, file["name"], file["media_type"]))
    return tuple(results)


def run_compress(source: Path, target: Path, options: CompressOptions, limits: Limits, **how: Any) -> Report:
    """``run_to`` for one file to be compressed."""
    from pdfsmaller.engine.inputs import InputFile
    from pdfsmaller.engine.report import Report
    from pdfsmaller.operations import DEFAULT

    report = run_to(DEFAULT, [InputFile(source, source.name)], target, options, limits, **how)
    assert isinstance(report, Report)
    return report
