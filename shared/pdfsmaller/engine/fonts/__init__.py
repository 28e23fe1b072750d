"""Fonts: which glyphs a document shows, and programs that hold just those."""
