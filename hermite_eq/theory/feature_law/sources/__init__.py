"""Tasks of one source or several: their distinct sources, contexts, quadratic functions and training tasks."""
