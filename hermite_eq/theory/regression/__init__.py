"""Ridge regression on anybody's features: given their spectrum, that of random features on them, or a matrix of data."""
