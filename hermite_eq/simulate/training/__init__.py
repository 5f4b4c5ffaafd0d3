"""One run: draws, features, readouts and their ridge paths within a budget of memory."""
