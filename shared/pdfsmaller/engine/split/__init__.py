"""Splitting: one PDF in, several out that have together what it had. See ``split``."""
