"""The platforms of Lambda: what pip calls them, and how their machine code is told apart."""

from __future__ import annotations

from pathlib import Path

#: The runtime of template.yaml.
PYTHON_VERSION = "3.13"

#: Names of Lambda's architectures → what wheels call them.
WHEEL_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}

_ELF_MAGIC = b"\x7fELF"
_ELF_MACHINES = {62: "x86_64", 183: "arm64"}


def pip_options(arch: str) -> list[str]:
    """What makes pip choose wheels for Lambda instead of for this machine. Amazon Linux 2023 has glibc 2.34."""
    machine = WHEEL_MACHINES[arch]
    platforms = [f"--platform=manylinux_2_28_{machine}", f"--platform=manylinux2014_{machine}"]
    return ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON_VERSION}", *platforms]


def machine_of(path: Path) -> str | None:
    """The architecture that a file's machine code is for, by its ELF header; None where it is no ELF file."""
    with path.open("rb") as file:
        head = file.read(20)
    if not head.startswith(_ELF_MAGIC):
        return None
    number = int.from_bytes(head[18:20], "big" if head[5] == 2 else "little")
    return _ELF_MACHINES.get(number, f"machine {number}")
