"""Images to PDF: image files in, one PDF out that shows each of them on pages of its own. See ``convert``."""
