"""The child of ``pdfsmaller inspect``: one JSON object on standard input, one on standard output.

A document is untrusted input to C++ libraries; whatever it does, it does it here, under a bound on memory.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from pdfsmaller.errors import LimitExceeded, PdfSmallerError, UnreadablePdf
from pdfsmaller.limits import Limits


def _bound_memory(most: int) -> None:
    with suppress(ImportError, ValueError, OSError):  # systems that lack it
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _answer(spec: dict[str, Any]) -> dict[str, Any]:
    from pdfsmaller.engine.inspect import inspect

    limits = Limits(**spec["limits"])
    _bound_memory(limits.memory_bytes)
    try:
        return {"inspection": inspect(Path(spec["source"]), spec.get("password"), limits).model_dump(mode="json")}
    except LimitExceeded as exc:
        return {"error": {"code": exc.code, "message": exc.message, "limit": exc.limit, "allowed": exc.allowed}}
    except PdfSmallerError as exc:
        return {"error": {"code": exc.code, "message": exc.message}}
    except RecursionError:
        return {"error": {"code": UnreadablePdf.code, "message": "The PDF is nested too deeply to be read."}}
    except MemoryError:
        allowed = limits.memory_bytes
        message = f"The PDF needs more than the {allowed:,} bytes of memory that a document may use."
        return {"error": {"code": LimitExceeded.code, "message": message, "limit": "memory_bytes", "allowed": allowed}}


def main() -> None:
    """Answer one question. Libraries' own output goes to standard error."""
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    json.dump(_answer(json.loads(sys.stdin.readline())), own)
    own.close()


if __name__ == "__main__":
    main()
