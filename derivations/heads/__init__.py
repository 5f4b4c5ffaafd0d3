"""Errors of random heads and of several sources."""
