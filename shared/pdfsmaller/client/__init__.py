"""A client of the service's API, typed and small: needs ``pip install 'pdfsmaller[remote]'``.

::

    from pdfsmaller.client import Client

    with Client("http://localhost:8080") as service:
        (job,) = service.submit("compress", ["in.pdf"], preset="ebook")
        service.download(service.wait(job), "out.pdf")

Every job is the API's own JSON as a model (``JobView``). A request that meets a passing trouble (no connection, 429,
503) is made again after a pause; those that make jobs carry an ``Idempotency-Key``, so that none is made twice. Nothing
is ever read into memory whole: files stream up, results stream into a file that appears when it is complete.
"""

from pdfsmaller.client.client import Client
from pdfsmaller.errors import RemoteError, ServiceUnreachable
from pdfsmaller.jobs.view import JobView

__all__ = ["Client", "JobView", "RemoteError", "ServiceUnreachable"]
