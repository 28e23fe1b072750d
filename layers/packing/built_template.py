"""The template that ``sam build`` wrote, bound to the architecture that was built."""

from __future__ import annotations

import re
from pathlib import Path

from layers.packing.errors import PackingError

_PARAMETER = re.compile(
    r"(\n  Architecture:\n    Type: String\n    Default: )\w+(\n    AllowedValues:\n)(?:    - \w+\n)+"
)


def bind(template: Path, arch: str) -> None:
    """Leave the parameter Architecture only the value that fits the machine code beside it, whatever settings of an
    earlier deployment say.

    Raises:
        PackingError: the parameter is not where it was.
    """
    bound, count = _PARAMETER.subn(rf"\g<1>{arch}\g<2>    - {arch}\n", template.read_text())
    if count != 1:
        raise PackingError(f"{template} has no parameter Architecture as expected → compare with built_template.py")
    template.write_text(bound)
