"""PDF Smaller: the smallest PDF that still looks, reads and works like the original.

Rooms: ``engine`` (PDF in, smaller PDF and a report out), ``jobs`` (the job model and its table), ``services``
(what the functions do), and one module each for storage, queue, events, settings, errors, limits, telemetry.
"""

__version__ = "0.1.0"
