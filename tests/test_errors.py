"""Own errors have one base, the built-in class that a reader expects beside it, and survive a process boundary."""

from __future__ import annotations

import pickle

import pytest

import hermite_eq

KINDS = {
    hermite_eq.HypothesisError: ValueError,
    hermite_eq.ArgumentTypeError: TypeError,
    hermite_eq.ConvergenceError: ValueError,
    hermite_eq.StorageError: ValueError,
    hermite_eq.OutOfMemoryError: MemoryError,
}


@pytest.mark.parametrize(("kind", "builtin"), KINDS.items(), ids=lambda kind: kind.__name__)
def test_every_kind_is_caught_as_itself_builtin_and_base(kind: type, builtin: type) -> None:
    error = kind("the degree is a non-negative integer", "degree=-1", "pass degree=0")
    assert isinstance(error, builtin)
    assert isinstance(error, hermite_eq.HypothesisError)
    assert str(error) == "the degree is a non-negative integer; found degree=-1. Repair: pass degree=0"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.hypothesis, again.found, again.repair) == (error.hypothesis, error.found, error.repair)
