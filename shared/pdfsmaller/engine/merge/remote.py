"""Links to pages that are in another file: remote go-to actions (ISO 32000-1, 12.6.4.3).

A document that is cut into files is cut in steps, and a link may leave a piece before it is known what file the page it
leads to will be in. Such an action is *pending*: it keeps the page's place in the whole document until a later step
knows. No file that is handed out has one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pikepdf import Array, Dictionary, Name, String

from pdfsmaller.records import record

_PENDING = "/PdfSmallerPending"


@record(frozen=True)
class RemotePage:
    """A page of another file.

    Attributes:
        file: the file's name.
        page: its index in that file, from 0.
        pending: neither is known yet: ``file`` is as long as the name will be, ``page`` is the page's index in the
            whole document.
    """

    file: str
    page: int
    pending: bool = False


#: Finds a page, given as its index in the whole document, in another file; None where no file has it.
Remote = Callable[[int], RemotePage | None]


def lead_to(action: Dictionary, target: RemotePage, view: Sequence[Any]) -> Dictionary:
    """Make an action go to a page of another file.

    Args:
        view: what of the page is shown and how large (12.3.2.2); nothing: all of it.
    """
    for key in ("/SD", _PENDING):
        if key in action:
            del action[key]
    name = String(target.file)
    action["/S"] = Name.GoToR
    action["/F"] = Dictionary(Type=Name.Filespec, F=name, UF=name)
    action["/D"] = Array([target.page, *(view or [Name.Fit])])
    if target.pending:
        action[_PENDING] = True
    return action


def is_pending(action: Dictionary) -> bool:
    """Whether it is not known yet where an action leads."""
    return _PENDING in action


def pending_page(action: Dictionary) -> tuple[int, list[Any]] | None:
    """The page that a pending action leads to, as its index in the whole document, and the view of it."""
    destination = action.get("/D")
    if not isinstance(destination, Array) or not len(destination) or not isinstance(destination[0], int):
        return None
    return destination[0], list(destination)[1:]
