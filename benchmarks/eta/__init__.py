"""What the estimate of the time left is worth: ``python -m benchmarks.eta``."""
