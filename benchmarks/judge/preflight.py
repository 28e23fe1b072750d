"""PDFBox preflight: a validator of PDF/A-1b. Asked only of documents that say that they are PDF/A-1."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from pikepdf import Pdf, PdfError

#: Debian's packages, and what of each is needed: the newer Javas have no activation and no JAXB of their own.
_JARS = {
    "libpdfbox2-java": ("preflight.jar", "pdfbox2.jar", "fontbox2.jar", "xmpbox.jar"),
    "libcommons-logging-java": ("commons-logging.jar",),
    "libactivation-java": ("javax.activation.jar",),
    "libjaxb-api-java": ("jaxb-api.jar",),
}
_FOLDER = Path("/usr/share/java")
_CLASS = "org.apache.pdfbox.preflight.Validator_A1b"
_PART_1 = re.compile(rb"pdfaid:part(?:\s*=\s*[\"']|[^<>]*>\s*)1")
_ERROR = re.compile(r"^(\d[\d.]*) : (.*)$", re.MULTILINE)
_SECONDS = 120


def missing() -> list[str]:
    """The packages without which it cannot be asked."""
    java = [] if shutil.which("java") else ["default-jre-headless"]
    return java + [name for name, jars in _JARS.items() if not all((_FOLDER / jar).exists() for jar in jars)]


def claims(file: Path) -> bool:
    """Whether the document says that it is PDF/A-1."""
    try:
        with Pdf.open(file) as pdf:
            return "/Metadata" in pdf.Root and bool(_PART_1.search(pdf.Root.Metadata.read_bytes()))
    except (PdfError, ValueError, TypeError, AttributeError):
        return False


def differences(source: Path, target: Path) -> list[str]:
    """The errors, by number, that the result has and the original has not."""
    if not claims(source):
        return []
    before, after = errors(source), errors(target)
    return [f"preflight: {number} {after[number]}" for number in sorted(after.keys() - before.keys())]


def errors(file: Path) -> dict[str, str]:
    """The rules that a document breaks, by the validator's number, with what it says of the first of each."""
    path = ":".join(str(_FOLDER / jar) for jars in _JARS.values() for jar in jars)
    try:
        command = ["java", "-cp", path, _CLASS, file]
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"time": f"no verdict within {_SECONDS} s"}
    if "is a valid PDF/A-1b file" in run.stdout:
        return {}
    found: dict[str, str] = {}
    for number, what in _ERROR.findall(run.stdout):
        found.setdefault(number, what)
    return found or {"crash": (run.stderr.strip().splitlines() or ["no verdict"])[0]}
