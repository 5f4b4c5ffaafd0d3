"""Directions that hold much of h, and a gradient step: the law of a neuron is conditioned on finitely many coordinates."""
