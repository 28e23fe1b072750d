"""The watched folder: files that lie there become jobs, and what they make comes to lie in the folder of results."""

from pdfsmaller.services.watch.service import WatchService

__all__ = ["WatchService"]
