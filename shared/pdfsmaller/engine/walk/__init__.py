"""One walk of a document: every content stream is read once, and what it draws is followed to where names lead.

``events`` reads a stream; ``graph`` follows what it draws through resources; what images, fonts, colours and content
ask of a document, each works out from the same graph.
"""
