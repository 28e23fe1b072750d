"""How long the built functions take from nothing to their first answer."""
