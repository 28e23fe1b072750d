"""``python -m layers.packing``: what the Makefiles call."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from layers.packing import built_template, dependencies, pack, platforms, sizes
from layers.packing.errors import PackingError


def main() -> int:
    """Exit code 1 with one line on standard error when something went wrong."""
    parser = argparse.ArgumentParser(prog="layers.packing", description="Make what Lambda gets.")
    parser.add_argument("--arch", choices=platforms.WHEEL_MACHINES, default="x86_64")
    commands = parser.add_subparsers(dest="command", required=True)
    layer = commands.add_parser("layer", help="fill a layer's folder")
    layer.add_argument("name", choices=dependencies.NAMES)
    layer.add_argument("target", type=Path)
    function = commands.add_parser("function", help="fill a function's folder")
    function.add_argument("name")
    function.add_argument("target", type=Path)
    finish = commands.add_parser("finish", help="bind a build to its architecture, show its sizes, check the limit")
    finish.add_argument("build", type=Path)
    commands.add_parser("lock", help="write the newest versions allowed into the locks")
    given = parser.parse_args()
    try:
        if given.command == "layer":
            pack.layer(given.name, given.arch, given.target)
        elif given.command == "function":
            pack.function(given.name, given.target)
        elif given.command == "finish":
            built_template.bind(given.build / "template.yaml", given.arch)
            found = sizes.measured(given.build)
            print(sizes.table(found, given.arch))
            sizes.check(found)
        else:
            for name in dependencies.NAMES:
                dependencies.lock(name)
    except (PackingError, OSError) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
