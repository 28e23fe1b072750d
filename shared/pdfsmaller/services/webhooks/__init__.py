"""Callbacks: a job's ends told to an address of its caller's, signed as Standard Webhooks has it.

``tell`` puts a message into a queue of its own when a job ends, and ``deliver`` makes the requests, in a process that
never holds a document. Where requests may go is for ``address`` (what is written) and ``networks`` (what it leads to)
to say, and ``post`` keeps to that.
"""
