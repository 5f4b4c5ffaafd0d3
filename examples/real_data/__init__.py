"""In-context learning on real inputs: words of two languages with their sentiment, and digits (``docs/figures/real_data.md``)."""
