"""Adapters from a schedule (Lambda) and a CloudEvent (Functions Framework) to the cleanup service."""
