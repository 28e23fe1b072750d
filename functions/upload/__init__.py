"""Adapters from a Function URL (Lambda) and a request (Functions Framework) to the app in `pdfsmaller.http`."""
