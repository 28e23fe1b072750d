"""Makes what Lambda gets: the contents of the two layers and of the three functions, for x86_64 or arm64.

``sam build`` calls it through the Makefiles in ``layers/`` and ``functions/``. Wheels are taken for Lambda's own
platform (Python 3.13 on Amazon Linux 2023) in the versions that each layer's ``lock.txt`` names, so that any machine
builds the same and every build is what was tested. It needs a network only for wheels that it has not fetched before.

Plain Python without dependencies: ``python -m layers.packing --help``.
"""
