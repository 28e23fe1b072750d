"""``python -m pdfsmaller.cli``: the same as ``pdfsmaller``."""

from pdfsmaller.cli import main

main()
