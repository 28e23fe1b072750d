"""Splitting beside its peers: ``python -m benchmarks.split``."""
