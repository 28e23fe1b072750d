"""What operators do with a service that is there: ``pdfsmaller admin`` and what else looks after it.

Each module is a few functions over the parts that ``wire`` puts together, whichever store they are on; the command's
``cli`` modules parse, call one of them and print.
"""
