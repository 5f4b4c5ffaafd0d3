"""Kernel maps of one function or two: closed forms, series, and up to |ρ| = 1."""
