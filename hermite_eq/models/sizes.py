"""The sizes of a finite experiment, and the ratios which stay fixed in the limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from hermite_eq.arguments import LARGEST_COUNT, count, instance, positive
from hermite_eq.errors import HypothesisError

#: Finite ratios are no further from 1: beyond, functions of two of them leave double precision.
_FARTHEST = 1e12


@dataclass(frozen=True)
class Ratios:
    r"""The limit: α = ℓ/d, κ = k/d, τ = n/d², μ = m/d² with everything else infinite.

    ``kappa=inf`` means a fresh task for every training context; ``mu=inf`` the kernel limit; ``mu=None`` where there is no hidden
    layer. Finite ratios are between 1e-12 and 1e12.

    >>> Ratios(alpha=1, kappa=0.5, tau=1.5, mu=1)
    Ratios(alpha=1.0, kappa=0.5, tau=1.5, mu=1.0)
    """

    alpha: float
    kappa: float
    tau: float
    mu: float | None = None

    def __post_init__(self) -> None:
        for name, infinite in (("alpha", False), ("kappa", True), ("tau", False), ("mu", True)):
            value = getattr(self, name)
            if name == "mu" and value is None:
                continue
            requirement = f"the ratio {name} is > 0 {'(inf allowed)' if infinite else 'and finite'}"
            value = positive(value, name, infinite=infinite, requirement=requirement)
            if value != math.inf and not 1 / _FARTHEST <= value <= _FARTHEST:
                nearest = _FARTHEST if value > 1 else 1 / _FARTHEST
                raise HypothesisError(
                    f"the ratio {name} is between {1 / _FARTHEST:g} and {_FARTHEST:g}", f"{name}={value:g}",
                    f"pass {name}={nearest:g}, which is as good as the limit",
                )
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Sizes:
    """The sizes of one finite experiment.

    Attributes
    ----------
    d : int
        Input dimension.
    context : int
        ℓ, the number of labelled examples in a context.
    tasks : int or inf
        k, the number of training tasks; ``math.inf`` for a fresh task in every training context.
    samples : int
        n, the number of training contexts (n ≥ k).
    hidden : int or None
        m, the number of hidden units; None where only linear Transformers are studied.

    Examples
    --------
    >>> Sizes.from_ratios(40, alpha=1, kappa=0.5, tau=1.5, mu=1)
    Sizes(d=40, context=40, tasks=20, samples=2400, hidden=1600)
    """

    d: int
    context: int
    tasks: int | float
    samples: int
    hidden: int | None = None

    def __post_init__(self) -> None:
        for name in ("d", "context", "tasks", "samples", "hidden"):
            value = getattr(self, name)
            if (name == "hidden" and value is None) or (name == "tasks" and isinstance(value, float) and value == math.inf):
                continue
            object.__setattr__(self, name, count(value, name, least=1, requirement=f"the size {name} is a positive integer"))
        if self.tasks != math.inf and self.tasks > self.samples:
            raise HypothesisError(
                "every training task appears in training, so k ≤ n",
                f"tasks={self.tasks} > samples={self.samples}",
                "raise samples, or pass tasks=math.inf for a fresh task in every context",
            )

    @classmethod
    def from_ratios(
        cls, d: int, *, alpha: float, kappa: float, tau: float, mu: float | None = None
    ) -> Sizes:
        """Sizes nearest to the ratios ℓ = αd, k = κd, n = τd², m = μd²."""
        d, ratios = count(d, "d", least=1, requirement="the size d is a positive integer"), Ratios(alpha, kappa, tau, mu)

        def nearest(ratio: float, unit: int) -> int:
            if not ratio * unit <= LARGEST_COUNT:
                raise HypothesisError("every size is a number", f"{ratio:g} times {unit}", "pass smaller ratios, or a smaller d")
            return max(1, round(ratio * unit))

        return cls(
            d,
            nearest(ratios.alpha, d),
            math.inf if ratios.kappa == math.inf else nearest(ratios.kappa, d),
            nearest(ratios.tau, d * d),
            None if ratios.mu is None else nearest(ratios.mu, d * d),
        )

    @property
    def ratios(self) -> Ratios:
        """α = ℓ/d, κ = k/d, τ = n/d², μ = m/d² of these sizes.

        >>> Sizes(d=10, context=20, tasks=5, samples=150).ratios
        Ratios(alpha=2.0, kappa=0.5, tau=1.5, mu=None)
        """
        d = self.d
        return Ratios(
            self.context / d, self.tasks / d, self.samples / d**2, None if self.hidden is None else self.hidden / d**2
        )


def checked_sizes(value: Any, *, hidden: bool = False) -> Sizes:
    """``value`` if it is Sizes, with hidden units if asked for.

    >>> checked_sizes(Ratios(1, 1, 1))
    Traceback (most recent call last):
        ...
    hermite_eq.errors.ArgumentTypeError: this is computed at finite d: at Sizes; found Ratios. Repair: pass Sizes.from_ratios(d, …)
    """
    sizes: Sizes = instance(value, Sizes, "this is computed at finite d: at Sizes", "pass Sizes.from_ratios(d, …)")
    if hidden and sizes.hidden is None:
        raise HypothesisError(
            "a random head has a number m of hidden units", "sizes.hidden=None", "pass Sizes(…, hidden=…) or from_ratios(…, mu=…)"
        )
    return sizes
