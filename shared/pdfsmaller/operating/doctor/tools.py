"""What the engine is made of, and what binds it: each tried, in a process of its own."""

from __future__ import annotations

import json
import sys
from typing import Any

from pdfsmaller.engine.confinement import BOUNDS
from pdfsmaller.operating.doctor.finding import Finding, failed, ok, warning
from pdfsmaller.operating.doctor.programs import run
from pdfsmaller.operating.doctor.site import Site

_INSTALL = "install the package again: pip install --force-reinstall 'pdfsmaller[server]'"
#: Prints what there is, tool by tool; a library that kills its process kills this one alone.
_LOOK = """
import json
from importlib import import_module

def version(name, of):
    try:
        return of(import_module(name))
    except Exception as exc:
        return {"error": f"{type(exc).__name__}: {exc}"}

from pdfsmaller.sandbox.bounds import bounds_here
told = {"bounds": bounds_here()}
told["LuaJIT"] = version("pdfsmaller.engine.lua", lambda lua: lua.new_runtime().eval(b"jit.version").decode())
told["pikepdf"] = version("pikepdf", lambda one: f"{one.__version__} (qpdf {one.__libqpdf_version__})")
told["libvips"] = version("pyvips", lambda one: ".".join(str(one.version(n)) for n in range(3)))
told["PDFium"] = version("pypdfium2", lambda one: str(one.PDFIUM_INFO))
print(json.dumps(told))
"""


def tools(site: Site) -> list[Finding]:
    """The engine's libraries and its sandbox."""
    ran = run(sys.executable, "-c", _LOOK)
    if ran is None or ran.code:
        said = (ran.err.strip().splitlines() or [f"exit code {ran.code}"])[-1] if ran else "there is no Python"
        return [failed("tools", f"they cannot be loaded: {said}", _INSTALL)]
    told: dict[str, Any] = json.loads(ran.out.splitlines()[-1])
    bounds = told.pop("bounds")
    return [*(_tool(name, version) for name, version in told.items()), _sandbox(bounds)]


def _tool(name: str, version: Any) -> Finding:
    check = f"tool {name}"
    if isinstance(version, dict):
        return failed(check, f"it cannot be used ({version['error']})", _INSTALL)
    return ok(check, version)


def _sandbox(held: list[str]) -> Finding:
    missing = [bound for bound in BOUNDS if bound not in held]
    if not missing:
        return ok("sandbox", ", ".join(held))
    return warning(
        "sandbox",
        f"{', '.join(missing)} do{'es' * (len(missing) == 1)} not hold here",
        "a kernel with Landlock (5.13, in /sys/kernel/security/lsm) and seccomp; a unit or container that allows both",
    )
