"""A second process of a job that reads and draws the pages of originals, while the first makes and draws the results.

Nearly all that a comparison takes is drawing, which PDFium does in one thread of a process. The process is forked where
all bounds hold but the last (``confinement``), which lets no process start another: it puts that on itself, too, and
may take ``MEMORY_SHARE`` of the memory that the first may. It ends with the first. Whatever it cannot do, and all that
it has not done when it dies, the first does itself.

Requests and answers go through pipes, one ``struct`` each but for the name and password of a file to be opened; pixels
lie in memory that both share, cut into ``SLOTS``. (Only Linux: elsewhere a process with libraries loaded cannot be
forked safely.)
"""

from __future__ import annotations

import ctypes
import json
import logging
import mmap
import os
import resource
import struct
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pypdfium2

from pdfsmaller.engine import substitutes
from pdfsmaller.engine.memory import address_space, trim
from pdfsmaller.engine.render.page import (
    RENDER_PIXELS,
    Page,
    Rendering,
    Text,
    draw,
    draw_fields,
    has_form,
    open_page,
    read_text,
    shows_large_image,
)
from pdfsmaller.engine.workers import WORKERS
from pdfsmaller.linux import die_with_parent

logger = logging.getLogger(__name__)

#: Pages that are drawn and wait. (elle-paper-pdfa1, preset ebook, 2026-11-30: 332 and 341 MB at the most; with twelve,
#: 349 and 372, in the same time.)
SLOTS = 4
#: A rendering has so many bytes at most, but for the rounding of its sides.
SLOT_BYTES = (RENDER_PIXELS + 100_000) * 4
#: What the second process may take beyond what it begins with, as a share of what the first may.
MEMORY_SHARE = 0.25
#: Of smaller documents the pages are drawn in less time than a process takes to start.
LEAST_BYTES = 20_000

_OPEN, _DRAW = 0, 1
# What is asked; the file's number; a page's, or the length of what follows; a slot.
_REQUEST = struct.Struct("=BIIB")
# After the slots lies the number of the file that is wanted now: pages of another are not drawn any more.
_WANTED = struct.Struct("=I")
# Whether it was done; characters and digest of the text; width, height and stride of the rendering. Of a file that was
# opened: whether it was, and (as characters) whether the fields of a form are drawn.
_ANSWER = struct.Struct("=?I16sIII")


class Gone(Exception):
    """The second process is not there any more."""


class SecondProcess:
    """The second process, as the first sees it. One thread at a time."""

    def __init__(self, pid: int, requests: int, answers: int, shared: mmap.mmap) -> None:
        self._pid, self._requests, self._answers, self._shared = pid, requests, answers, shared
        self._unread = 0
        self.file = 0

    def open(self, source: Path, password: str | None) -> int:
        """Ask for a file in the place of the one before; its answer is the first. Returns the file's number.

        Raises:
            Gone: there is nobody to be asked.
        """
        self._want(self.file + 1)
        while self._unread:  # what was asked of the file before
            self.answer()
        what = json.dumps([str(source), password]).encode()
        self._ask(_REQUEST.pack(_OPEN, self.file, len(what), 0) + what)
        return self.file

    def draw(self, number: int, slot: int) -> None:
        """Ask for a page, counted from zero. Raises what ``open`` does."""
        self._ask(_REQUEST.pack(_DRAW, self.file, number, slot))

    def _want(self, file: int) -> None:
        self.file = file
        _WANTED.pack_into(self._shared, SLOTS * SLOT_BYTES, file)

    def _ask(self, request: bytes) -> None:
        try:
            os.write(self._requests, request)
        except OSError:
            raise Gone from None
        self._unread += 1

    def answer(self) -> tuple[bool, int, bytes, int, int, int]:
        """The next answer, once it is there. Raises what ``open`` does."""
        answer = _read(self._answers, _ANSWER.size)
        if answer is None:
            raise Gone
        self._unread -= 1
        done, characters, digest, width, height, stride = _ANSWER.unpack(answer)
        return done, characters, digest, width, height, stride

    def rendering(self, slot: int, width: int, height: int, stride: int) -> Rendering:
        """What was drawn in a slot, until another page is."""
        pixels = (ctypes.c_ubyte * (stride * height)).from_buffer(self._shared, slot * SLOT_BYTES)
        return Rendering(pixels, width, height, stride)

    def close(self) -> None:
        """End it, once the page that it draws is done."""
        self._want(0)
        for descriptor in (self._requests, self._answers):
            os.close(descriptor)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


_second: SecondProcess | None = None


def begin(memory_bytes: int, restrict: Callable[[], object]) -> None:
    """Start the second process of this one; nothing where the system starts no more.

    Args:
        memory_bytes: what this one may take.
        restrict: the last bound, put on the second process as well.
    """
    global _second
    if sys.platform != "linux":
        return
    shared = mmap.mmap(-1, SLOTS * SLOT_BYTES + _WANTED.size)
    there, here, back, forth = (*os.pipe(), *os.pipe())
    own = os.getpid()
    most = address_space() + round(MEMORY_SHARE * memory_bytes)
    try:
        pid = os.fork()
    except OSError:
        for descriptor in (there, here, back, forth):
            os.close(descriptor)
        return
    if pid == 0:
        _be_second(own, there, forth, shared, restrict, most)
    os.close(there)
    os.close(forth)
    _second = SecondProcess(pid, here, back, shared)


def end() -> None:
    """End the second process, if there is one, and count its time as this one's."""
    global _second
    if _second is not None:
        _second.close()
        _second = None


def is_worth_it(sources: Iterable[Path]) -> bool:
    """Whether a second process would make a job shorter: there is a processor for it, and enough to be drawn."""
    if sys.platform != "linux" or WORKERS == 1 or _running() >= len(os.sched_getaffinity(0)):
        return False
    with suppress(OSError):
        return sum(source.stat().st_size for source in sources) >= LEAST_BYTES
    return False


class Originals:
    """Pages of a document that the second process, where there is one, reads and draws before they are needed.

    It does so for one document at a time: the pages of the one before are not given any more.
    """

    def __init__(self, source: Path, password: str | None, pages: Iterable[int] = ()) -> None:
        """Begin with these pages, counted from zero."""
        self._waiting = deque[int]()
        self._asked = deque[tuple[int, int]]()
        self._drawn: dict[int, tuple[int, Page | None]] = {}
        self._free = deque(range(SLOTS))
        self._shown: int | None = None
        self._forms: bool | None = None
        self._second = _second
        if self._second is not None:
            with self._losing() as second:
                self._file = second.open(source, password)
        self.draw(pages)

    def draw(self, pages: Iterable[int]) -> None:
        """Go on with these pages, in whose order they are best asked for; those that are drawn already are not again.
        ``SLOTS`` of them are drawn ahead.
        """
        if self._has_document:
            self._waiting.extend(number for number in pages if not self.draws(number))
            with self._losing() as second:
                self._ask(second)

    def draws(self, number: int) -> bool:
        """Whether a page is drawn beside, as far as is known: there is time for other work until it is asked for."""
        asked = number in self._waiting or any(number == asked for asked, _ in self._asked)
        return self._has_document and (asked or number in self._drawn)

    @property
    def _has_document(self) -> bool:
        return self._second is not None and self._second.file == self._file

    def page(self, number: int, *, forms: bool) -> Page | None:
        """A page, to be looked at until another is asked for; None where it is to be drawn here.

        Args:
            forms: whether the fields of a form are to be drawn.
        """
        if not self.draws(number):
            return None
        with self._losing() as second:
            if self._forms is None:
                done, shown, *_ = second.answer()
                self._forms = bool(shown)
                if not done:
                    self._second = None
            if self._forms == forms:
                return self._found(second, number)
        return None

    def _found(self, second: SecondProcess, number: int) -> Page | None:
        if self._shown is not None:
            self._free.append(self._shown)
            self._shown = None
        self._ask(second)
        while self._asked and number not in self._drawn:
            answered, slot = self._asked.popleft()
            done, characters, digest, *size = second.answer()
            page = Page(Text(characters, digest), second.rendering(slot, *size)) if done else None
            self._drawn[answered] = slot, page
        if number not in self._drawn:  # all room is taken by pages that nobody asks for
            self._waiting.remove(number)
            return None
        self._shown, page = self._drawn.pop(number)
        return page

    def _ask(self, second: SecondProcess) -> None:
        """Ask for as many pages as there is room for."""
        while self._waiting and self._free:
            number, slot = self._waiting.popleft(), self._free.popleft()
            self._asked.append((number, slot))
            second.draw(number, slot)

    @contextmanager
    def _losing(self) -> Iterator[SecondProcess]:
        """The second process, which is done without from when it is found to be gone."""
        assert self._second is not None
        try:
            yield self._second
        except Gone:
            logger.warning("The process that draws pages is gone: they are drawn by the other.")
            self._second = None
            end()


def _be_second(
    first: int, requests: int, answers: int, shared: mmap.mmap, restrict: Callable[[], object], memory_bytes: int
) -> NoReturn:
    """What the second process does until the first is gone."""
    code = 1
    try:
        die_with_parent(first)
        os.dup2(requests, 0)
        os.dup2(answers, 1)
        os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        restrict()
        _serve(shared)
        code = 0
    finally:
        os._exit(code)


def _serve(shared: mmap.mmap) -> None:
    document: pypdfium2.PdfDocument | None = None
    while (request := _read(0, _REQUEST.size)) is not None:
        kind, file, number, slot = _REQUEST.unpack(request)
        what = _read(0, number) if kind == _OPEN else None
        answer = _ANSWER.pack(False, 0, b"", 0, 0, 0)
        if _WANTED.unpack_from(shared, SLOTS * SLOT_BYTES) == (file,):
            with suppress(MemoryError):
                if what is not None:
                    document = _opened(document, *json.loads(what))
                    if document is not None:
                        answer = _ANSWER.pack(True, document.formenv is not None, b"", 0, 0, 0)
                elif document is not None:
                    answer = _drawn(document, number, shared, slot * SLOT_BYTES) or answer
                    # While it waits the first process may need most (audit-letter-zh-scan, preset ebook, 2026-11-30:
                    # 373 MB with it, 398 without).
                    trim()
        os.write(1, answer)


def _opened(before: pypdfium2.PdfDocument | None, source: str, password: str | None) -> pypdfium2.PdfDocument | None:
    if before is not None:
        before.close()
        substitutes.reset()
    try:
        document = pypdfium2.PdfDocument(source, password=password)
    except (pypdfium2.PdfiumError, OSError):
        return None
    if has_form(document):
        draw_fields(document)
    return document


def _drawn(document: pypdfium2.PdfDocument, number: int, shared: mmap.mmap, place: int) -> bytes | None:
    """An answer with a page's text, its picture put in a place; None where it has to be looked at by somebody else."""
    with ExitStack() as stack:
        page = open_page(document, number, stack)
        text = read_text(page) if page is not None else None
        if page is None or text is None or shows_large_image(page):
            return None
        drawn = draw(page, stack)
        if drawn is None or len(drawn.pixels) > SLOT_BYTES:
            return None
        ctypes.memmove(ctypes.byref(ctypes.c_ubyte.from_buffer(shared, place)), drawn.pixels, len(drawn.pixels))
        return _ANSWER.pack(True, text.characters, text.digest, drawn.width, drawn.height, drawn.stride)


def _read(descriptor: int, size: int) -> bytes | None:
    """So many bytes; None where nobody writes any more."""
    found = b""
    while len(found) < size:
        with suppress(InterruptedError):
            more = os.read(descriptor, size - len(found))
            if not more:
                return None
            found += more
    return found


def _running() -> int:
    """How many threads of this machine run or wait for a processor, this one included (``/proc/loadavg``)."""
    try:
        with open("/proc/loadavg") as file:  # noqa: PTH123 - as ``memory``
            return int(file.read().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return 1
