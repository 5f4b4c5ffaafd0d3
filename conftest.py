"""For tests and doctests alike: one hypothesis profile, the plugin of hermite_eq.testing, a table of activations left as it was, and other
seeds where HERMITE_EQ_SEED_SHIFT is set: of every generator that is made of a number, in tests and library, but for hypothesis."""

import functools
import os
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

# The same examples on every machine, and no deadline on a shared one.
settings.register_profile("hermite_eq", derandomize=True, deadline=None)
settings.load_profile("hermite_eq")

# pytest finds the plugin by its entry point, but not in a tree that was installed before there was one.
pytest_plugins = [] if any(point.name == "hermite_eq" for point in entry_points(group="pytest11")) else ["pytest_hermite_eq"]

# Sphinx imports these, and the gallery it writes runs while it is built.
collect_ignore_glob = ["docs/conf.py", "docs/_extensions/*", "docs/gallery/*"]

SHIFT = int(os.environ.get("HERMITE_EQ_SEED_SHIFT", "0"))


_PLAIN = np.random.SeedSequence


class _ShiftedSequence(np.random.SeedSequence):
    """A child of the sequence that is asked for; children of its own, and copies of it, are that already."""

    def __init__(self, entropy: Any = None, *, spawn_key: Any = (), **keywords: Any) -> None:
        mark = 2**31 + SHIFT
        super().__init__(entropy, spawn_key=spawn_key if mark in spawn_key[:1] else (mark, *spawn_key), **keywords)

    def __copy__(self) -> "_ShiftedSequence":
        return _ShiftedSequence(self.entropy, spawn_key=self.spawn_key)

    def __reduce__(self) -> Any:
        # To another process, which shifts nothing, goes the same sequence.
        return functools.partial(_PLAIN, spawn_key=self.spawn_key), (self.entropy,)


def _shifted_rng(seed: Any = None, made: Callable[[Any], np.random.Generator] = np.random.default_rng) -> np.random.Generator:
    kept = isinstance(seed, np.random.Generator | np.random.BitGenerator | np.random.SeedSequence | np.random.RandomState)
    return made(seed if kept else np.random.SeedSequence(seed))


if SHIFT:
    np.random.SeedSequence, np.random.default_rng = _ShiftedSequence, _shifted_rng  # type: ignore[misc]

ROOT = Path(__file__).parent
STATISTICAL = tuple(f"{ROOT / folder}{os.sep}" for folder in ("tests/simulate", "tests/testing", "tests/verify", "examples"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The processes of pytest-xdist compare the names that they collect.
    assert not [item.nodeid for item in items if " at 0x" in item.nodeid], "names of tests do not hang on an address: pass ids=[…]"
    for item in items:
        if str(item.path).startswith(STATISTICAL):
            item.add_marker("statistical")
        if SHIFT and item.get_closest_marker("own_seeds"):
            item.add_marker(pytest.mark.skip(reason="HERMITE_EQ_SEED_SHIFT is set"))


@pytest.fixture(autouse=True)
def _registered_activations_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    from hermite_eq.activations.names import registry

    entries = dict(registry._entries())
    monkeypatch.setattr(registry, "_entries", lambda: entries)
