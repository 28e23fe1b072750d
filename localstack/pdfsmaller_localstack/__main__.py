"""Starts LocalStack with this package's plug-ins: ``python -P -m pdfsmaller_localstack``.

Settings come as environment variables: LocalStack's own, and ``PDFSMALLER_DATA`` (where data is kept),
``PDFSMALLER_FUNCTION_PYTHON`` (the interpreter of the functions), ``PDFSMALLER_FUNCTION_LOGS`` (a log per function).
"""

from __future__ import annotations

import contextlib
import resource

from localstack.runtime import main as runtime

from pdfsmaller_localstack import durable


def main() -> None:
    # LocalStack holds every larger object open.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    durable.start()
    runtime.main()


if __name__ == "__main__":
    main()
