"""The HTTP API and the web page. It creates jobs and never parses a PDF."""
