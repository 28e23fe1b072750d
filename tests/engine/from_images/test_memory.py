"""Memory does not grow with the number of images."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import documents, pictures

CHILD = """
import json, resource, sys
from pathlib import Path
from pdfsmaller.engine.from_images.convert import images_to_pdf
from pdfsmaller.engine.inputs import InputFile
paths = sorted(Path(sys.argv[1]).glob("*.*"))[: int(sys.argv[2])]
report = images_to_pdf([InputFile(path, path.name) for path in paths], Path(sys.argv[3]))
print(json.dumps([report.pages, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


@pytest.mark.slow
def test_forty_images_take_as_much_as_eight(tmp_path: Path) -> None:
    photo = documents.photo(640, 480)
    images = tmp_path / "images"
    images.mkdir()
    for number in range(40):
        turned = photo.rotate(9 * number)
        data = pictures.saved(turned, "BMP") if number % 6 else pictures.saved(turned, "JPEG", quality=95)
        (images / f"{number:02}.img").write_bytes(data)

    def peak(count: int) -> int:
        command = [sys.executable, "-c", CHILD, str(images), str(count), str(tmp_path / "out.pdf")]
        pages, kilobytes = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        assert pages == count
        return int(kilobytes)

    assert peak(40) < peak(8) + 10_000
