"""How much memory the engine takes, measured in a process of its own, above what its libraries take when loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import documents

_MEASURED = """
import sys
from pathlib import Path
from pdfsmaller.engine import libraries, memory
from pdfsmaller.engine.options import CompressOptions

libraries.load()
memory.begin()
from pdfsmaller.engine.compress import compress

def peak():
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])

before = peak()
report = compress(Path(sys.argv[1]), Path(sys.argv[2]), CompressOptions(preset="lossless"))
print(peak() - before, report.outcome)
"""
_WIDTH, _HEIGHT = 4000, 3000


def _rows() -> bytes:
    return documents.photo_flate(_WIDTH, _HEIGHT)


def _cmyk() -> bytes:
    return documents.cmyk_jpeg(_WIDTH, _HEIGHT)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is given back on Linux alone")
@pytest.mark.slow
@pytest.mark.parametrize(("made", "components", "most"), [(_rows, 3, 6.0), (_cmyk, 4, 4.7)])
def test_an_image_takes_few_times_its_pixels(
    made: Callable[[], bytes], components: int, most: float, tmp_path: Path
) -> None:
    source = documents.write(tmp_path / "in.pdf", made())
    command = [sys.executable, "-c", _MEASURED, str(source), str(tmp_path / "out.pdf")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert said[1] == "compressed"
    assert int(said[0]) < most * _WIDTH * _HEIGHT * components
