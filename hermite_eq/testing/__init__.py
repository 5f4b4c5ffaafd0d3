"""Tests of Gaussian universality with declared false-alarm rates, and hypothesis strategies, for the tests of your own project.

Assertions need nothing beyond hermite_eq; the strategies (``activations``, ``targets``, ``ratios``, ``sizes``, ``covariances``,
``mixtures``, ``tasks``) need the extra ``hermite-eq[testing]`` and load when first asked for.

>>> import numpy as np
>>> from hermite_eq.testing import assert_gaussian
>>> print(assert_gaussian(np.random.default_rng(0).standard_normal(5000), 1.0).verdict)
agrees
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hermite_eq.testing.check import Check as Check
from hermite_eq.testing.check import UniversalityError as UniversalityError
from hermite_eq.testing.check import Verdict as Verdict
from hermite_eq.testing.coefficients import assert_hermite_coefficients as assert_hermite_coefficients
from hermite_eq.testing.decay import assert_rate as assert_rate
from hermite_eq.testing.deviation import Deviation as Deviation
from hermite_eq.testing.equivalence import assert_equivalent as assert_equivalent
from hermite_eq.testing.gaussianity import assert_gaussian as assert_gaussian
from hermite_eq.testing.rates import family as family
from hermite_eq.testing.second_moments import assert_covariance as assert_covariance
from hermite_eq.testing.universality import assert_universal as assert_universal

if TYPE_CHECKING:
    from hermite_eq.testing.strategies import activations as activations
    from hermite_eq.testing.strategies import covariances as covariances
    from hermite_eq.testing.strategies import mixtures as mixtures
    from hermite_eq.testing.strategies import ratios as ratios
    from hermite_eq.testing.strategies import sizes as sizes
    from hermite_eq.testing.strategies import targets as targets
    from hermite_eq.testing.strategies import tasks as tasks

#: The names of the strategies, which load when first asked for.
STRATEGIES = ("activations", "covariances", "mixtures", "ratios", "sizes", "targets", "tasks")


def __getattr__(name: str) -> Any:
    if name in STRATEGIES:
        from hermite_eq.testing import strategies

        return getattr(strategies, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
