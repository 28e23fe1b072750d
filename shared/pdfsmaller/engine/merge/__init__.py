"""Merging: several PDFs in, one PDF out that has everything they had. See ``merge``."""
