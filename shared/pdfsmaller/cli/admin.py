"""``admin``: what operators do with a service. Only these and the service's own commands need its extras."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pdfsmaller.cli.errors import complain
from pdfsmaller.cli.operators import AsJson, Data, run_with
from pdfsmaller.cli.show import counted, moment, remark, say, size, table
from pdfsmaller.errors import ExitCode

_EPILOG = (
    "Exit codes: 0 done; 1 something unexpected, or --check found something to do; 2 wrong usage or settings, or "
    "nothing for this kind of store; 7 the store, or a file, is not as it must be."
)


app = typer.Typer(help="Look after a service: its tables, jobs, backups.", no_args_is_help=True, rich_markup_mode=None)


@app.command(epilog=_EPILOG)
def init(data: Data = None) -> int:
    """Make tables and folders that are missing, and check that all can be used. It may be done again at any time."""

    def run(admin: Any) -> None:
        say(f"Ready: the tables are of version {admin.init(data=data).found}.")

    return run_with(_admin, run)


@app.command(epilog=_EPILOG)
def status(as_json: AsJson = False, data: Data = None) -> int:
    """Show how the service stands: tables, jobs, queues, dead letters, workers, disk, backups."""

    def run(operating: Any) -> None:
        told = operating.status(data=data)
        say(json.dumps(told, indent=2) if as_json else "\n".join(_status(told)))

    return run_with(_status_module, run)


def _status(told: Mapping[str, Any]) -> Iterator[str]:
    """The status as lines for people; what is nothing for the store at hand is left out."""
    schema, database, backups, storage = told["schema"], told["database"], told["backups"], told["storage"]
    yield _line("version", told["version"])
    yield _line("store", told["store"] + (f", {size(database['bytes'])}" if database else ""))
    if schema:
        due = "" if schema["found"] == schema["wanted"] else f"; {schema['wanted']} is needed: pdfsmaller admin migrate"
        yield _line("tables", f"version {schema['found'] or 'none'}{due}")
    if told["jobs"]:
        yield _line(
            "jobs", ", ".join(f"{number:,} {state}" for state, number in told["jobs"].items() if number) or "none"
        )
    for name, queue in (told["queues"] or {}).items():
        yield _line(f"queue of {name}", _queue(queue))
    if told["workers"] is not None:
        hosts = sorted({worker["host"] for worker in told["workers"]})
        yield _line("workers", f"{len(told['workers'])}, on {', '.join(hosts)}" if hosts else "NONE was seen lately")
    if storage and storage["used_ratio"] is not None:
        yield _line("files", f"{storage['used_ratio']:.0%} of the room is used")
    if backups:
        last = (
            f"the last of {moment(backups['last_at'])}, {size(backups['last_bytes'])}" if backups["count"] else "NONE"
        )
        yield _line("backups", f"{last}, in {backups['folder']}")
    elif schema:
        yield _line("backups", "nowhere: BACKUP_DIR is not set")


def _queue(queue: Mapping[str, Any]) -> str:
    parts = [f"{queue['waiting']:,} waiting", f"{queue['in_flight']:,} in flight"]
    if queue["oldest_seconds"]:
        parts.append(f"the oldest for {queue['oldest_seconds']:,.0f} s")
    if queue["dead_letters"]:
        parts.append(f"{counted(queue['dead_letters'], 'DEAD LETTER')}: pdfsmaller admin redrive")
    return ", ".join(parts)


def _line(name: str, text: str) -> str:
    return f"{name + ':':<20}{text}"


@app.command(epilog=_EPILOG)
def migrate(
    to: Annotated[str | None, typer.Option(metavar="VERSION", help="Not to this program's version but to it.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 where there is something to do.")
    ] = False,
    data: Data = None,
) -> int:
    """Bring the database's tables to this program's version."""

    def run(admin: Any) -> int:
        if check:
            schema = admin.schema(data=data)
            say(f"The tables are of version {schema.found or 'none'}, and {schema.wanted} is this program's.")
            return ExitCode.OK if schema.is_current else ExitCode.UNEXPECTED
        before, after = admin.migrate(to, data=data)
        same = before.found == after.found
        say(f"The tables are of version {after.found}" + ("." if same else f"; they were of {before.found or 'none'}."))
        return ExitCode.OK

    return run_with(_admin, run)


@app.command(epilog=_EPILOG)
def vacuum(data: Data = None) -> int:
    """Give back the room of what is gone from the database, and count anew what searching goes by."""

    def run(admin: Any) -> None:
        before, after = admin.vacuum(data=data)
        say(f"The database takes {size(after)}; it took {size(before)}.")

    return run_with(_admin, run)


@app.command(epilog=_EPILOG)
def workers(as_json: AsJson = False, data: Data = None) -> int:
    """Show the workers that are there: host, process, version, since when, what they are at."""

    def run(admin: Any) -> None:
        _show([_worker(worker) for worker in admin.workers(data=data)], as_json, "No worker was seen lately.")

    return run_with(_admin, run)


def _worker(worker: Any) -> dict[str, Any]:
    return {
        "host": worker.host,
        "pid": worker.pid,
        "version": worker.version,
        "started": moment(worker.started_at),
        "seen": moment(worker.seen_at),
        "job": worker.job_id,
        "bounds": list(worker.bounds),
    }


_jobs = typer.Typer(help="All callers' jobs.", rich_markup_mode=None, invoke_without_command=True)
app.add_typer(_jobs, name="jobs", epilog=_EPILOG)


@_jobs.callback()
def jobs(
    context: typer.Context,
    status: Annotated[
        list[str] | None, typer.Option("--status", metavar="STATUS", help="Only in this state; may be repeated.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--key", metavar="ID", help="Only those of this API key; '' for those without one.")
    ] = None,
    operation: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this operation.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only those made since: 24h, 7d, 2026-01-31T12:00:00Z.")
    ] = None,
    code: Annotated[str | None, typer.Option(metavar="CODE", help="Only those that failed with this code.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="So many at most.")] = 50,
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="The next page: the id of the last job of the page before.")
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> int:
    """List all callers' jobs, the newest first."""
    if context.invoked_subcommand:
        return ExitCode.OK

    def run(operating: Any) -> None:
        wanted = operating.Wanted(status or (), owner, operation, since, code)
        found = operating.listed(wanted, limit=limit, before=before, data=data)
        _show([_job(job) for job in found], as_json, "There are no such jobs.")
        if len(found) == limit:
            remark(f"There may be more: --before {found[-1].job_id}")

    return run_with(_jobs_module, run)


@_jobs.command(epilog=_EPILOG)
def show(job_id: Annotated[str, typer.Argument(metavar="ID", help="The job's id.")], data: Data = None) -> int:
    """Show all that is known of a job, as JSON: its row without its secrets, its files, its dead letter."""

    def run(operating: Any) -> None:
        say(json.dumps(operating.shown(job_id, data=data), indent=2, ensure_ascii=False))

    return run_with(_jobs_module, run)


def _job(job: Any) -> dict[str, Any]:
    return {
        "id": job.job_id,
        "status": str(job.status),
        "operation": job.operation,
        "created": moment(job.created_at),
        "updated": moment(job.updated_at),
        "attempt": job.attempt,
        "bytes": sum(item.bytes for item in job.inputs) or None,
        "key": job.owner,
        "code": (job.error or {}).get("code"),
    }


@app.command(epilog=_EPILOG)
def redrive(
    job_id: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Only that of this job.")] = None,
    data: Data = None,
) -> int:
    """Send dead letters anew: jobs whose every attempt failed have as many again."""

    def run(operating: Any) -> None:
        say(f"Sent anew: {counted(operating.redrive(job_id, data=data), 'dead letter')}.")

    return run_with(_jobs_module, run)


@app.command(epilog=_EPILOG)
def purge(
    job_id: Annotated[str | None, typer.Option("--job", metavar="ID", help="This job; one that runs is ended.")] = None,
    ended_before: Annotated[
        str | None, typer.Option(metavar="TIME", help="All jobs that ended before: 24h, 7d, 2026-01-31T12:00:00Z.")
    ] = None,
    dead_letters: Annotated[
        bool, typer.Option("--dead-letters", help="All dead letters: their jobs stay failed for good.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Really. Without it only what would go is said.")] = False,
    data: Data = None,
) -> int:
    """Delete files of jobs before their time, or dead letters."""
    if sum((job_id is not None, ended_before is not None, dead_letters)) != 1:
        complain("Say what to delete: --job ID, --ended-before TIME or --dead-letters, one of them.")
        return ExitCode.USAGE

    def run(operating: Any) -> int:
        if job_id is not None:
            what = f"the files of job {job_id}"
            if yes:
                operating.purge_job(job_id, data=data)
            else:
                operating.shown(job_id, data=data)
        elif ended_before is not None:
            what = f"the files of {counted(operating.purge_ended(ended_before, data=data, really=yes), 'job')}"
        else:
            what = counted(operating.purge_dead_letters(data=data, really=yes), "dead letter")
        if not yes:
            complain(f"Nothing was deleted. --yes deletes {what}.")
            return ExitCode.USAGE
        say(f"Deleted: {what}.")
        return ExitCode.OK

    return run_with(_jobs_module, run)


@app.command(epilog=_EPILOG)
def backup(
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder that it goes to instead of BACKUP_DIR.")
    ] = None,
    results: Annotated[bool, typer.Option("--results", help="What ended jobs made comes along.")] = False,
    with_secret: Annotated[
        bool, typer.Option("--with-secret", help="SECRET_KEY comes along: keep the file as you keep the key.")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> int:
    """Make one file of the database and of the files of unfinished jobs, while all runs, and check it by restoring it.

    Backups older than BACKUP_KEEP_DAYS are deleted then; BACKUP_UPLOAD_URL gets a copy.
    """

    def run(operating: Any) -> None:
        made = operating.backup(data=data, to=to, results=results, with_secret=with_secret)
        manifest = made.manifest
        if as_json:
            say(json.dumps(_backup(made), indent=2))
        else:
            say(str(made.path))
        remark(f"{size(made.bytes)}: {_contents(manifest)}. It was checked by restoring it.")
        if manifest.gone:
            remark(f"{counted(len(manifest.gone), 'file')} were gone when their turn came: their jobs have ended.")
        if manifest.key:
            remark(
                f"It needs the SECRET_KEY with the fingerprint {manifest.key}, which is "
                + ("IN IT: keep it as you keep the key." if made.has_secret else "NOT IN IT: keep that key apart.")
            )

    return run_with(_backup_module, run)


def _backup(made: Any) -> dict[str, Any]:
    manifest = made.manifest
    return {
        "path": str(made.path),
        "bytes": made.bytes,
        "taken_at": moment(manifest.taken_at),
        "version": manifest.product,
        "schema": manifest.schema,
        "rows": dict(manifest.tables),
        "files": sum(1 for _ in manifest.files()),
        "gone": list(manifest.gone),
        "key": manifest.key,
        "deleted": [str(path) for path in made.deleted],
    }


@app.command(epilog=_EPILOG)
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="What is there may go: all jobs, all keys, files of jobs not in FILE.")
    ] = False,
    other_key: Annotated[
        bool, typer.Option("--other-key", help="SECRET_KEY may be another one than that of FILE.")
    ] = False,
    keep_version: Annotated[
        bool,
        typer.Option("--keep-version", help="Leave the tables of FILE's version, for an older program to go on with."),
    ] = False,
    data: Data = None,
) -> int:
    """Bring a backup back, into an empty store, while nothing of the service runs."""

    def run(operating: Any) -> None:
        restored = operating.restore(file, data=data, replace=replace, other_key=other_key, keep_version=keep_version)
        manifest = restored.manifest
        say(f"Restored as of {moment(manifest.taken_at)}: {_contents(manifest)}.")
        if restored.deleted:
            remark(f"{counted(restored.deleted, 'file')} of jobs that are not in it were deleted.")
        remark("Start the service: jobs that ran then are begun anew.")

    return run_with(_restore_module, run)


def _contents(manifest: Any) -> str:
    """``10 jobs, 1 API key, 3 files, tables of version v0006``."""
    rows, files = manifest.tables, sum(1 for _ in manifest.files())
    counts = (counted(rows.get("jobs", 0), "job"), counted(rows.get("api_keys", 0), "API key"), counted(files, "file"))
    return f"{', '.join(counts)}, tables of version {manifest.schema}"


# Printing


def _show(rows: Sequence[Mapping[str, Any]], as_json: bool, none: str) -> None:
    """Rows of one form as JSON, or as a table for people; ``none`` says that there are none."""
    if as_json:
        say(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not rows:
        say(none)
    else:
        for line in table(list(rows[0]), rows):
            say(line)


def _admin() -> Any:
    from pdfsmaller.operating import admin

    return admin


def _status_module() -> Any:
    from pdfsmaller.operating import status

    return status


def _jobs_module() -> Any:
    from pdfsmaller.operating import jobs

    return jobs


def _backup_module() -> Any:
    from pdfsmaller.operating import backup

    return backup


def _restore_module() -> Any:
    from pdfsmaller.operating import restore

    return restore
