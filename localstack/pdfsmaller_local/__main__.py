"""The command behind the Makefile's targets: ``local``, ``up``, ``down``, ``status``, ``logs``, ``reset``, ``drop``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pdfsmaller_local import config as configuration
from pdfsmaller_local import supervisor
from pdfsmaller_local.problems import Problem


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="pdfsmaller_local", description="Run PDF Smaller on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("local", help="run it in the foreground; Ctrl-C stops all of it")
    commands.add_parser("up", help="run it in the background; returns once it is healthy")
    commands.add_parser("down", help="stop it; its data stays")
    commands.add_parser("status", help="show what is running")
    commands.add_parser("logs", help="follow the logs")
    commands.add_parser("reset", help="delete its data; it must be stopped")
    drop = commands.add_parser("drop", help="drop a PDF into the bucket and fetch its result")
    drop.add_argument("file", type=Path)
    drop.add_argument("option", nargs="*", help="options such as preset=ebook")
    given = parser.parse_args(arguments)
    try:
        return _run(given)
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr, flush=True)
        return 1


def _run(given: argparse.Namespace) -> int:
    config = configuration.load()
    if given.command in ("local", "up"):
        configuration.check_settings(config)
    if given.command == "local":
        supervisor.run(config)
    elif given.command == "up":
        supervisor.up(config)
    elif given.command == "down":
        supervisor.down(config)
    elif given.command == "status":
        return 0 if supervisor.status(config) else 3
    elif given.command == "logs":
        supervisor.follow_logs(config)
    elif given.command == "reset":
        supervisor.reset(config)
    elif given.command == "drop":
        from pdfsmaller_local.drop import drop

        print(drop(config, given.file, dict(option.split("=", 1) for option in given.option)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
