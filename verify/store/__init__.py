"""Stored runs: files which are whole, are of one simulation, and do not depend on who computed them."""
