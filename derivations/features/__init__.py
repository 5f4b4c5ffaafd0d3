"""Gaussian pre-activations and the equivalent model."""
