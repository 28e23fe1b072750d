"""What tells the objects of one document apart."""

from __future__ import annotations

#: An object's number and generation; (0, 0) for one that stands within another.
ObjGen = tuple[int, int]
