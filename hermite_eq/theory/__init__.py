"""Deterministic in-context errors: numbers in, numbers out, no randomness."""

from hermite_eq.theory.error import TheoryCurve as TheoryCurve
from hermite_eq.theory.error import TheoryError as TheoryError
from hermite_eq.theory.error import icl_curve as icl_curve
from hermite_eq.theory.error import icl_error as icl_error
