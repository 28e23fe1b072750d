"""What runs ``template.yaml`` on a laptop: an emulator of AWS, the deployment, the web server and their supervisor.

Run as ``python -m pdfsmaller_local`` with this folder's parent on the path; the Makefile does. Nothing here is part
of the product: the functions know only the endpoint that boto3 gives them.

The folder above must never get an ``__init__.py``: it would shadow LocalStack's own namespace package.
"""
