"""In-context learning on real inputs: words of two languages with their sentiment, and handwritten digits (``docs/real_data.md``)."""
