"""Adapters from an SQS batch (Lambda) and a CloudEvent (Functions Framework) to the compress service."""
