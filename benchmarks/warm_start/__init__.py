"""What starting an engine process costs a small job, forked and fresh: ``python -m benchmarks.warm_start``."""
