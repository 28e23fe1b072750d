"""Everything around images, fonts and content: what is alike stored once, what nobody needs gone, the file dense.

``tidy`` changes the document; ``pack`` writes it: ``objects`` takes it apart into text, ``values`` finds what is alike,
``trees`` rebuilds name and number trees, ``writer`` puts it all into a file.
"""
