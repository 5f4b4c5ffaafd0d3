"""Tests whose contexts or tasks are not those of training: simulated beside theory, and the pages about it."""
