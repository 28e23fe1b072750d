"""What became of one document, as a line of a table that can be written and read back."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One document.

    Attributes:
        file: its path below the swept folder; the first part names the suite that it comes from.
        outcome: the report's, or the error's code.
        bytes_in, bytes_out: sizes; ``bytes_out`` is 0 where there is an error.
        finding: what is worse than before, separated by ``; ``: nothing where all is well.
        warnings: the codes of the report's warnings, separated by commas.
        ssim: the least similarity of the rendered pages; -1 where none was compared.
    """

    file: str
    outcome: str
    bytes_in: int
    bytes_out: int
    finding: str
    warnings: str
    ssim: float

    @property
    def suite(self) -> str:
        return self.file.partition("/")[0]


def read(path: Path) -> list[Row]:
    """The rows of a table; none where there is no table of this kind."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as table:
        lines = list(csv.DictReader(table, delimiter="\t"))
    if not lines or list(lines[0]) != [field.name for field in fields(Row)]:
        return []
    return [
        Row(
            line["file"],
            line["outcome"],
            int(line["bytes_in"]),
            int(line["bytes_out"]),
            line["finding"],
            line["warnings"],
            float(line["ssim"]),
        )
        for line in lines
    ]
