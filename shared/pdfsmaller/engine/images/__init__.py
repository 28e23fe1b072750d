"""Images: found wherever they are, decoded once, tried in several codings, put back only where that saves bytes.

``find`` walks the document and says how large each image is shown; ``source`` reads one image's data and meaning;
``codecs`` make codings (``encoded``); ``choose`` picks the smallest that is right, by what ``look`` sees and ``weigh``
says of it; ``apply`` writes it into a document; ``work`` drives all of that over a document on every core.
"""
