"""Pages of one bit per pixel, coded in several ways: bytes and seconds."""
