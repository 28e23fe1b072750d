"""The service around the engine: what it adds to a job's time, and how fast its functions start."""
