"""JBIG2 (ITU-T T.88) as a PDF embeds it (ISO 32000-1, 7.4.7), lossless.

``generic`` codes a bitmap as one region, ``symbols`` pages of text with what they have in common, ``decode`` gives
pixels back. What is too slow in Python is in Lua.
"""
