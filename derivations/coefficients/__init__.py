"""Hermite coefficients and kernels."""
