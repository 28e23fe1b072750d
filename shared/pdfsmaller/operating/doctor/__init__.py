"""``pdfsmaller doctor``: looks at a server of one's own and says of each thing how it is and what to do about it.

A module for each topic holds its checks: functions that look at a ``Site`` and return ``Finding``. They change nothing,
each has its time, and one that fails is a finding itself (``examine``). ``notify`` tells somebody when that changes.
"""
