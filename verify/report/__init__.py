"""What is written of results: figures, tables, pages."""
