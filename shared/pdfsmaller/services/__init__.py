"""What the functions do, free of any event format: submit jobs, run one, clean up after them."""
