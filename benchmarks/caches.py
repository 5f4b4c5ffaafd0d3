"""Every cache of the library and of SymPy, emptied, so that a benchmark measures what the first call of a session costs."""

from __future__ import annotations

import sys

from sympy.core.cache import clear_cache


def empty_library_caches() -> None:
    """Those of the functions of hermite_eq, whatever their modules: a list of names would not survive a renaming."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "hermite_eq" and name != "hermite_eq.activations.names.registry":
            for value in list(vars(module).values()):
                if callable(clear := getattr(value, "cache_clear", None)):
                    clear()


def empty_caches() -> None:
    """SymPy's too."""
    clear_cache()
    empty_library_caches()
