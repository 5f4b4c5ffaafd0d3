"""Evidence: does it hold at finite d? Theory and simulation meet here, and nowhere else.

Each claim has a module with three functions: ``measure`` simulates and returns numbers, ``judge`` compares them with the
theory, ``negative_controls`` judges the same numbers against deliberately wrong theories, which must not pass.
"""
