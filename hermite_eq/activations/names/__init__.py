"""What a user writes: registered names, the table of them, and text as a formula."""
