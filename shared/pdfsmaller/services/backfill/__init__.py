"""Backfill: what lies somewhere already becomes compress jobs, once each, at a rate that leaves others their turn."""
