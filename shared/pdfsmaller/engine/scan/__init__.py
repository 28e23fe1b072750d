"""Scanned pages as layers (mixed raster content): sharp strokes in one bit per pixel over a coarse background."""
