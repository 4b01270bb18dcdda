"""Incidents, stopped before anything is created; those that were not, replayed."""
