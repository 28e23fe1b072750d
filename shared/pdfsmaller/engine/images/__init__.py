"""Images: found wherever they are, decoded once, raced in several codings, put back only where that saves bytes.

``find`` walks the document and says how large each image is shown; ``source`` reads one image's data and meaning;
``encode`` holds the codecs; ``race`` picks the smallest coding that is right; ``apply`` writes it into a document;
``work`` drives all of that over a document on every core.
"""
