"""Ridge regression on features of real data beside its theory."""
