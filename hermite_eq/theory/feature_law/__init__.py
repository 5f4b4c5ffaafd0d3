"""The law of features and labels: of a context, of a head, of one source or several, given tasks, given moments."""
