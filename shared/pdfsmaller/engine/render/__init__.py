"""Pages as PDFium reads and draws them, here (``page``) or in a second process beside this one (``beside``)."""
