"""Files as the engine leaves them: whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def replace_file(result: Path, target: Path) -> None:
    """Put a complete file in the target's place in one step."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(result, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
