"""Damaged files, mended in a copy where that is safe: ``mend`` leads, other modules mend one kind of damage each."""
