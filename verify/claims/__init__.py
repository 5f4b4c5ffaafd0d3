"""What is said of a campaign, and what becomes of it: rows of a table of verdicts, and negative controls."""
