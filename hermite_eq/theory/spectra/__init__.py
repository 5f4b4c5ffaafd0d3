"""Traces of a covariance: of blocks, in the limit of Marchenko and Pastur, of finitely many tasks, with their corrections."""
