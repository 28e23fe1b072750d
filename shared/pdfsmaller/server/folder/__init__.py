"""Files in a folder of this host: the ``Storage`` of a server of one's own."""
