"""Colour besides the images': ``mode`` takes it out of a document, ``profiles`` makes ICC profiles smaller."""
