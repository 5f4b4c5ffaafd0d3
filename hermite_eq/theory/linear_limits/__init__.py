"""Closed forms and limits of the linear Transformer."""
