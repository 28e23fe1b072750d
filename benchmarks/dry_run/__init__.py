"""How far dry runs are off, and what they cost: ``python -m benchmarks.dry_run``."""
