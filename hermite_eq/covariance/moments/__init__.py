"""The numbers of one source at finite d: moments of context, query and label for given matrices."""
