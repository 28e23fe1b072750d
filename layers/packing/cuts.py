"""What is left out of the layers: files that no handler ever reads. tests/test_built_package.py runs without them.

boto3 stays, although Lambda's runtime has one: ours is the version that was tested, and starts faster, being compiled.
"""

from __future__ import annotations

import shutil
from pathlib import Path

#: The AWS services whose descriptions botocore keeps; a client of any other cannot be made.
SERVICES = ("dynamodb", "s3", "sqs", "sts")

#: Parts of fontTools that nothing here needs.
_FONT_TOOLS = (
    "cffLib",
    "colorLib",
    "cu2qu",
    "designspaceLib",
    "diff",
    "feaLib",
    "merge",
    "mtiLib",
    "misc/*.so",
    "otlLib",
    "pens/*.so",
    "qu2cu",
    "subset",
    "svgLib",
    "t1Lib",
    "ttLib/tables/[A-CE-Z]*",
    "ttLib/tables/_[a-z]*",
    "ttLib/tables/ot*",
    "ttx.py",
    "ufoLib",
    "unicodedata",
    "varLib",
    "voltLib",
)

#: Patterns under a layer's ``python`` folder. A folder goes with all that is in it.
CUTS = (
    # of every package: commands, compiled files of the installing Python, sources of C, hints for type checkers, tests
    "bin",
    "**/__pycache__",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.pxd",
    "**/*.pxi",
    "**/*.[ch]",
    "**/tests",
    # what pip notes down for uninstalling; METADATA stays for importlib.metadata, and licences stay
    "*.dist-info/INSTALLER",
    "*.dist-info/RECORD",
    "*.dist-info/REQUESTED",
    "*.dist-info/WHEEL",
    "*.dist-info/direct_url.json",
    "*.dist-info/sboms",
    "*.dist-info/top_level.txt",
    # cffi's compiler; what it compiled needs _cffi_backend alone
    "cffi",
    "cffi-*.dist-info",
    "pycparser",
    "pycparser-*.dist-info",
    # boto3
    "boto3/examples",
    # powertools: we log
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/utilities/batch",
    "aws_lambda_powertools/utilities/data_classes",
    "aws_lambda_powertools/utilities/data_masking",
    "aws_lambda_powertools/utilities/feature_flags",
    "aws_lambda_powertools/utilities/idempotency",
    "aws_lambda_powertools/utilities/kafka",
    "aws_lambda_powertools/utilities/parameters",
    "aws_lambda_powertools/utilities/parser",
    "aws_lambda_powertools/utilities/streaming",
    "aws_lambda_powertools/utilities/validation",
    # lxml: pikepdf reads XMP with etree
    "lxml/html",
    "lxml/includes",
    "lxml/isoschematron",
    "lxml/builder.*",
    "lxml/objectify.*",
    "lxml/sax.*",
    # pikepdf's PDF/A validator
    "pikepdf/pdfa",
    # Pillow: fonts, windows, screens; xcb stays, since _imaging is linked with it
    "PIL/_imagingft.*",
    "PIL/_imagingtk.*",
    "pillow.libs/libbrotli*",
    "pillow.libs/libfreetype*",
    "pillow.libs/libharfbuzz*",
    "pillow.libs/libpng*",
    # fontTools: glyph names and encodings are read; lupa: one of its Luas runs
    *(f"fontTools/{name}" for name in _FONT_TOOLS),
    "lupa/lua5*",
    "lupa/luajit20*",
    # PDFium's command line
    "pypdfium2_cli",
    # of our own package, the command line, and what only operators and a server of one's own run
    "pdfsmaller/cli",
    "pdfsmaller/client",
    "pdfsmaller/operating",
    "pdfsmaller/processes",
    "pdfsmaller/server",
    "pdfsmaller/services/backfill",
    "pdfsmaller/services/watch",
)

#: Folders of botocore and boto3 with one folder for each AWS service.
_SERVICE_FOLDERS = ("botocore/data", "boto3/data")


def cut(python: Path) -> None:
    """Delete what no handler reads from a layer's ``python`` folder."""
    for pattern in CUTS:
        for path in list(python.glob(pattern)):
            _delete(path)
    for name in _SERVICE_FOLDERS:
        for path in list((python / name).glob("*/")):
            if path.name not in SERVICES:
                _delete(path)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
