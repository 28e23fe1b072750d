"""Documents through the engine with one constant changed: ``compressed.py NAME VALUE PRESET FOLDER FILE …``.

For each file a line of JSON; the result is FOLDER/NUMBER.pdf.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.constants import patched


def main() -> None:
    """Do what the command line asks for."""
    name, value, preset, folder, *files = sys.argv[1:]
    patched.install(name, float(value))
    from pdfsmaller.engine.compress import compress
    from pdfsmaller.engine.options import CompressOptions

    for number, file in enumerate(files):
        begun = time.process_time()
        compress(Path(file), Path(folder) / f"{number}.pdf", CompressOptions.parse({"preset": preset}))
        print(json.dumps({"cpu_seconds": round(time.process_time() - begun, 2)}), flush=True)


if __name__ == "__main__":
    main()
