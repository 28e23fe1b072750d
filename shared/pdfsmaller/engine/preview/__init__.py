"""Previews: pages of a PDF as pictures to look at. See ``preview``."""
