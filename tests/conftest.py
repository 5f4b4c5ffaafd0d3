"""One hypothesis profile for the whole suite: the same examples on every machine, no deadline on a shared one."""

from hypothesis import settings

settings.register_profile("hermite_eq", derandomize=True, deadline=None)
settings.load_profile("hermite_eq")
