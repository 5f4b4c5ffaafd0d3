"""Memory is refused before it is asked for."""

from __future__ import annotations

import contextlib
import math
import os
import re
from pathlib import Path

from hermite_eq.errors import OutOfMemoryError

UNITS = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

_LIMITS = {
    "/proc/meminfo": r"MemAvailable:\s+(\d+) kB",
    "/sys/fs/cgroup/memory.max": r"(\d+)",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": r"(\d+)",
}


#: Bytes that are never refused: to ask what is available takes longer than to fill them.
_SMALL = 2**22


def readable(size: float) -> str:
    """Three digits and a unit, rounded up.

    >>> readable(8 * 10**9 + 1)
    '8.01GB'
    """
    size = max(size, 1)
    unit = next(u for u in ("GB", "MB", "kB") if size >= UNITS[u] or u == "kB")
    places = max(0, 2 - math.floor(math.log10(size / UNITS[unit])))
    return f"{math.ceil(size / UNITS[unit] * 10**places) / 10**places:.{places}f}{unit}"


def available_memory() -> float:
    """Bytes which this process may still ask for: what the system calls available, in the limit of its container; infinite if unknown."""
    limits = [math.inf]
    with contextlib.suppress(AttributeError, ValueError, OSError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path, pattern in _LIMITS.items():
        try:
            match = re.search(pattern, Path(path).read_text())
        except OSError:
            continue
        if match:
            limits.append(int(match[1]) * (1024 if "kB" in match[0] else 1))
    return min(limits)


def require_memory(size: float, what: str, repair: str) -> None:
    """Raise unless ``size`` bytes are available.

    >>> require_memory(10**18, "the values", "pass fewer points")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    hermite_eq.errors.OutOfMemoryError: the values fit into memory; found 1000000000GB needed, ... available. Repair: pass fewer points
    """
    if size > _SMALL and size > (available := available_memory()):
        raise OutOfMemoryError(f"{what} fit into memory", f"{readable(size)} needed, {readable(available)} available", repair)
