"""What takes too long to be a test: checks of stated errors and rates, and studies behind a sentence of the documents."""
