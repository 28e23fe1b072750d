"""The rewriter of one content stream: its program is in Lua, compiled while it runs (LuaJIT), since documents hold
tens of megabytes of content and Python takes minutes for what that does in seconds.

What a stream's rewriting may and may not do is said in ``rewrite.lua``. A rewriter belongs to one thread. Where LuaJIT
cannot be had, ``Rewriter.available`` is false and content stays as it is.
"""

from __future__ import annotations

from pathlib import Path

from pdfsmaller.engine.lua import PerThread, available, new_function
from pdfsmaller.records import record

_FOLDER = Path(__file__).parent
_PARTS = ("scan", "write")


@record(frozen=True)
class Rewritten:
    """One stream.

    Attributes:
        data: the new content, or None where the stream is to be left alone.
        reason: why the stream was left alone.
    """

    data: bytes | None
    reason: str = ""


class Rewriter:
    """Rewrites streams, one after the other."""

    def __init__(self) -> None:
        self._rewrite = new_function(_FOLDER / "rewrite.lua", *(_FOLDER / f"{part}.lua" for part in _PARTS))

    @staticmethod
    def available() -> bool:
        """Whether there is a LuaJIT."""
        return available()

    def rewrite(self, data: bytes, names: bytes, *, scale: float, tolerance: float) -> Rewritten:
        """Write a stream again.

        Args:
            names: what its resources are; see ``rewrite.lua``.
            scale: points of the page to a unit of the stream's space, at most.
            tolerance: how far marks may move, in points of the page; 0 changes no value.
        """
        new, reason = self._rewrite(data, names, scale, tolerance)
        return Rewritten(new, reason.decode("latin-1"))


#: The rewriters of all threads.
rewriters = PerThread(Rewriter)
