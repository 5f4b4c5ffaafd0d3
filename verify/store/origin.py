"""What computed a run."""

from __future__ import annotations

import functools
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy

import hermite_eq
from hermite_eq.errors import StorageError


@dataclass(frozen=True)
class Origin:
    """What computed a run.

    Attributes
    ----------
    seconds : float
    revision : str or None
        Of the code, where it is a checkout; with ``-dirty`` if files differed from it.
    hermite_eq, python, numpy, scipy : str
        Versions.
    """

    seconds: float
    revision: str | None
    hermite_eq: str
    python: str
    numpy: str
    scipy: str

    @classmethod
    def here(cls, seconds: float) -> Origin:
        """This process, and the time it took."""
        return cls(round(seconds, 2), _revision(), hermite_eq.__version__, platform.python_version(), np.__version__, scipy.__version__)

    @classmethod
    def read(cls, entries: Any, where: str, repair: str) -> Origin:
        """That of a stored run.

        Raises
        ------
        StorageError
            If the entries are others, or of other types.
        """
        if not isinstance(entries, dict) or {name: type(value) for name, value in entries.items()} not in _TYPES:
            raise StorageError(f"an origin has the entries {', '.join(_TYPES[0])}", f"others in {where}", repair)
        return cls(**entries)


#: Types of the entries; code that is no checkout has no revision.
_TYPES = [{"seconds": float, "revision": revision} | dict.fromkeys(("hermite_eq", "python", "numpy", "scipy"), str)
          for revision in (str, type(None))]


@functools.lru_cache(maxsize=1)
def _revision() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
