"""Kernels and errors of several random layers: their pages, with all numbers in them."""
