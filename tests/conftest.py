"""One hypothesis profile for the whole suite: the same examples on every machine, no deadline on a shared one."""

from importlib.metadata import entry_points

from hypothesis import settings

settings.register_profile("hermite_eq", derandomize=True, deadline=None)
settings.load_profile("hermite_eq")

# pytest finds the plugin by its entry point, but not in a tree that was installed before there was one.
pytest_plugins = [] if any(point.name == "hermite_eq" for point in entry_points(group="pytest11")) else ["pytest_hermite_eq"]
