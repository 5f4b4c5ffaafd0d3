"""The papers' figures as campaigns: simulations that are stored run by run, continue after any interruption, and end in a report."""
