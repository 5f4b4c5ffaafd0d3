"""Deterministic equivalents of ridge regression: one type of neuron and one spectrum, matrices, types of neurons."""
