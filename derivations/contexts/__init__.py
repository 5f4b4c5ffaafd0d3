"""The context and its covariance."""
