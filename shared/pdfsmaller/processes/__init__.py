"""What runs the service on a server of one's own: the processes behind ``pdfsmaller serve``, ``worker``, ``cleanup``.

One ``Supervisor`` holds them: each is forked, restarted when it dies, and drained when the supervisor is told to stop.
They share nothing but the database and the storage, so that any of them may be killed at any time, and as many more of
them run on other hosts as one likes.
"""
