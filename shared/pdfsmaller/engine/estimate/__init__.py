"""What compressing would give, told in a part of the time that it takes. See ``estimate``."""
