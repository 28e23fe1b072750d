"""Runs the engine in a child process, so that no document can take its caller down.

A PDF is untrusted input to large C and C++ libraries. The child gets its work on standard input, none of the
caller's credentials, and a bound on time. Before it opens a document it binds itself (``engine.confinement``): memory,
processor time, files, system calls. Where the system ignores the bound on memory, a watchdog here does not. One child
does one job and exits, so memory is given back and nothing of one document reaches the next.

Interpreter and libraries take longer to load than a small job takes. A caller with one job calls ``prepare()`` ahead of
it, which starts a child (``fresh``). A caller with many calls ``warm_up()``: on Linux a server then forks the children
(``forked``); elsewhere it is ``prepare()``. The command has its one child, or that server, as a ``branch()`` of itself,
so that an interpreter and what both use are loaded once. All are bound alike.

Lambda has no ``/dev/shm``, which rules out ``multiprocessing``; these are plain processes with JSON lines.
"""

from pdfsmaller.sandbox.job import inspect, run, run_compress, run_to
from pdfsmaller.sandbox.process import EngineProcess
from pdfsmaller.sandbox.starting import branch, cool_down, prepare, warm_up

__all__ = ["EngineProcess", "branch", "cool_down", "inspect", "prepare", "run", "run_compress", "run_to", "warm_up"]
