"""Content streams: the same marks on the page in fewer bytes."""
