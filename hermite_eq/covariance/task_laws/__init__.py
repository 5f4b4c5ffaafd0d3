"""Nodes and weights for averages over tasks with covariances and means: laws of a quadratic form and of a direction."""
