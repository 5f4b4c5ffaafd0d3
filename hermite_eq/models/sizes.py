"""The sizes of a finite experiment, and the ratios which stay fixed in the limit."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from hermite_eq.arguments import LARGEST_COUNT, count, instance, positive
from hermite_eq.errors import HypothesisError

#: Finite ratios are no further from 1: beyond, functions of two of them leave double precision.
_FARTHEST = 1e12


def _described(where: Ratios | Sizes, own: str) -> str:
    """As a call, without the test's context length where it has none of its own."""
    shown = [f.name for f in fields(where) if f.name != own or getattr(where, own) is not None]
    return f"{type(where).__name__}({', '.join(f'{name}={getattr(where, name)!r}' for name in shown)})"


@dataclass(frozen=True, repr=False)
class Ratios:
    r"""The limit: α = ℓ/d, κ = k/d, τ = n/d², μ = m/d² with everything else infinite.

    ``kappa=inf`` means a fresh task for every training context; ``mu=inf`` the kernel limit; ``mu=None`` where there is no hidden
    layer; ``test_alpha`` is ℓ/d of the contexts with fresh tasks in the test, by default α. Finite ratios are between 1e-12 and 1e12.

    Parameters
    ----------
    alpha, kappa, tau : float
    mu, test_alpha : float, optional

    Examples
    --------
    >>> Ratios(alpha=1, kappa=0.5, tau=1.5, mu=1)
    Ratios(alpha=1.0, kappa=0.5, tau=1.5, mu=1.0)
    >>> Ratios(alpha=1, kappa=0.5, tau=1.5, test_alpha=1) == Ratios(alpha=1, kappa=0.5, tau=1.5)
    True
    """

    alpha: float
    kappa: float
    tau: float
    mu: float | None = None
    test_alpha: float | None = None

    def __post_init__(self) -> None:
        for name, infinite in (("alpha", False), ("kappa", True), ("tau", False), ("mu", True), ("test_alpha", False)):
            value = getattr(self, name)
            if name in ("mu", "test_alpha") and value is None:
                continue
            requirement = f"the ratio {name} is > 0 {'(inf allowed)' if infinite else 'and finite'}"
            value = positive(value, name, infinite=infinite, requirement=requirement)
            if value != math.inf and not 1 / _FARTHEST <= value <= _FARTHEST:
                nearest = _FARTHEST if value > 1 else 1 / _FARTHEST
                raise HypothesisError(
                    f"the ratio {name} is between {1 / _FARTHEST:g} and {_FARTHEST:g}",
                    f"{name}={value:g}",
                    f"pass {name}={nearest:g}, which is as good as the limit",
                )
            object.__setattr__(self, name, value)
        if self.test_alpha == self.alpha:
            object.__setattr__(self, "test_alpha", None)

    @property
    def tested(self) -> Ratios:
        """The ratios with the context length of the test in training too.

        >>> Ratios(alpha=1, kappa=0.5, tau=1.5, test_alpha=4).tested
        Ratios(alpha=4.0, kappa=0.5, tau=1.5, mu=None)
        """
        return self if self.test_alpha is None else replace(self, alpha=self.test_alpha, test_alpha=None)

    def __repr__(self) -> str:
        return _described(self, "test_alpha")


@dataclass(frozen=True, repr=False)
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
    test_context : int or None
        The number of labelled examples in a context of the test, on fresh tasks: what the ICL error is measured on. By default ℓ, to
        which the in-distribution error belongs in any case.

    Examples
    --------
    >>> Sizes.from_ratios(40, alpha=1, kappa=0.5, tau=1.5, mu=1)
    Sizes(d=40, context=40, tasks=20, samples=2400, hidden=1600)
    >>> Sizes(40, 40, 20, 2400, test_context=160)
    Sizes(d=40, context=40, tasks=20, samples=2400, hidden=None, test_context=160)
    """

    d: int
    context: int
    tasks: int | float
    samples: int
    hidden: int | None = None
    test_context: int | None = None

    def __post_init__(self) -> None:
        for name in ("d", "context", "tasks", "samples", "hidden", "test_context"):
            value = getattr(self, name)
            missing = name in ("hidden", "test_context") and value is None
            if missing or (name == "tasks" and isinstance(value, float) and value == math.inf):
                continue
            object.__setattr__(self, name, count(value, name, least=1, requirement=f"the size {name} is a positive integer"))
        if self.test_context == self.context:
            object.__setattr__(self, "test_context", None)
        if self.tasks != math.inf and self.tasks > self.samples:
            raise HypothesisError(
                "every training task appears in training, so k ≤ n",
                f"tasks={self.tasks} > samples={self.samples}",
                "raise samples, or pass tasks=math.inf for a fresh task in every context",
            )

    @classmethod
    def from_ratios(
        cls, d: int, *, alpha: float, kappa: float, tau: float, mu: float | None = None, test_alpha: float | None = None
    ) -> Sizes:
        """Sizes nearest to the ratios ℓ = αd, k = κd, n = τd², m = μd²."""
        d, ratios = count(d, "d", least=1, requirement="the size d is a positive integer"), Ratios(alpha, kappa, tau, mu, test_alpha)

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
            None if ratios.test_alpha is None else nearest(ratios.test_alpha, d),
        )

    @property
    def ratios(self) -> Ratios:
        """α = ℓ/d, κ = k/d, τ = n/d², μ = m/d² of these sizes.

        >>> Sizes(d=10, context=20, tasks=5, samples=150).ratios
        Ratios(alpha=2.0, kappa=0.5, tau=1.5, mu=None)
        """
        d = self.d
        return Ratios(
            self.context / d,
            self.tasks / d,
            self.samples / d**2,
            None if self.hidden is None else self.hidden / d**2,
            None if self.test_context is None else self.test_context / d,
        )

    @property
    def tested(self) -> Sizes:
        """The sizes with the context length of the test in training too.

        >>> Sizes(d=10, context=20, tasks=5, samples=150, test_context=40).tested.context
        40
        """
        return self if self.test_context is None else replace(self, context=self.test_context, test_context=None)

    def __repr__(self) -> str:
        return _described(self, "test_context")


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
