"""Best ridges, heads, contexts and mixtures; gradients and peaks."""
