"""Errors of linear Transformers, and what nothing can beat."""
