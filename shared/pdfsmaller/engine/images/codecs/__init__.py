"""The codecs of images: pixels in, an ``Encoded`` out. Any thread may run them."""
