"""PyMuPDF as a command: ``python -m benchmarks.engine.pymupdf_peer images|save IN OUT``.

``images`` does what its manual advises for smaller files (images to 150 dpi, quality 75; fonts subset; ``ez_save``);
``save`` is ``ez_save`` alone.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Do what the command line asks for."""
    import pymupdf

    what, source, target = sys.argv[1:]
    document = pymupdf.open(source)
    if what == "images":
        document.rewrite_images(dpi_threshold=225, dpi_target=150, quality=75)
        document.subset_fonts()
    document.ez_save(target)


if __name__ == "__main__":
    main()
