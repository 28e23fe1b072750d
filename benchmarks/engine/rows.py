"""What was measured of one file through one tool, as a line of a table that can be written and read back."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from pathlib import Path

#: Below this similarity a result is no version of the document any more, however small it is.
HONEST_SSIM = 0.80


@dataclass(frozen=True, slots=True)
class Row:
    """One file through one tool.

    Attributes:
        bytes_in, bytes_out: sizes; ``bytes_out`` is 0 where nothing came out that opens.
        seconds, cpu_seconds: of the whole process: by the clock, and of all processors together.
        peak_mb: the largest resident size of the process and its children together, in megabytes.
        pages_kept: the same number of pages.
        text_kept: the same text on the first 50 pages, white space aside.
        lost: kinds of structure of which there is less, separated by commas.
        ssim, ssim_min: similarity of rendered pages, their mean and the least; -1 where nothing was rendered.
        pixels_kept: every rendered page is the same pixel for pixel.
        compared: pages rendered of both.
        pdfa: the original says that it is PDF/A; where the result may not say so any more, ``lost`` has it.
        run: when the run began that measured it: times of another run are those of another machine.
    """

    file: str
    tool: str
    bytes_in: int
    bytes_out: int
    seconds: float
    cpu_seconds: float
    peak_mb: int
    pages_kept: bool
    text_kept: bool
    lost: str
    ssim: float
    ssim_min: float
    pixels_kept: bool
    compared: int
    pdfa: bool
    run: str

    @property
    def worked(self) -> bool:
        """Something came out that opens with all pages."""
        return self.bytes_out > 0 and self.pages_kept

    @property
    def honest(self) -> bool:
        """It kept pages, text and structure and still looks like the document."""
        return self.worked and self.text_kept and not self.lost and not 0 <= self.ssim < HONEST_SSIM

    @property
    def grew(self) -> bool:
        return self.worked and self.bytes_out > self.bytes_in

    @property
    def size(self) -> int:
        """Bytes as a careful user has them: those of the original where the tool failed or the file grew."""
        return min(self.bytes_out, self.bytes_in) if self.worked else self.bytes_in

    @property
    def honest_size(self) -> int:
        """The same, where only an honest result is worth having."""
        return self.size if self.honest else self.bytes_in


def read(path: Path) -> list[Row]:
    """The rows of a table; none where there is no table of this kind."""
    if not path.exists():
        return []
    with path.open(newline="") as table:
        lines = list(csv.DictReader(table, delimiter="\t"))
    names = [field.name for field in fields(Row)]
    if not lines or list(lines[0]) != names:
        return []
    return [Row(**{name: _value(name, line[name]) for name in names}) for line in lines]


def _value(name: str, text: str) -> str | int | float | bool:
    kind = Row.__annotations__[name]
    if kind == "bool":
        return text == "True"
    return int(text) if kind == "int" else float(text) if kind == "float" else text
