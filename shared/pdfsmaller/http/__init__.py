"""The HTTP API and the web page: a Flask app over the services. It creates jobs and never parses a PDF."""
