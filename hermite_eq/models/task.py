"""The in-context task of [RT], and the front door to tasks of several sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hermite_eq.activations import Activation, activation
from hermite_eq.arguments import non_negative
from hermite_eq.errors import HypothesisError
from hermite_eq.models.mixture import MixtureTask
from hermite_eq.models.source import Source


@dataclass(frozen=True)
class Task:
    r"""The in-context regression task of [RT] (1)-(2):

    .. math:: \xi\sim\mathcal N(0,I_d),\quad x_i\sim\mathcal N(0,I_d/d),\quad y_i=\sigma_*(\xi^\top x_i)+\epsilon_i,\quad
        \epsilon_i\sim\mathcal N(0,\rho).

    ``Task(sources=[…], weights=[…], …)`` is the :class:`MixtureTask` of these arguments: other laws of inputs and tasks, several sources,
    the conventions of [DM].

    Parameters
    ----------
    target : str, sympy.Expr, Activation or callable
        :math:`\sigma_*`, whatever :func:`hermite_eq.activations.activation` takes.
    noise : float
        The variance ρ of the label noise (everywhere in the package a variance).

    Examples
    --------
    >>> print(Task("relu", noise=0.01))
    target relu, noise variance 0.01
    >>> from hermite_eq.models import Source, Spike
    >>> Task(sources=[Source("relu"), Source("relu", input_cov=Spike(3.0, normalised=True))]).weights
    (0.5, 0.5)
    """

    target: Activation
    noise: float = 0.0

    def __new__(  # type: ignore[misc]
        cls,
        target: Any = None,
        noise: float = 0.0,
        *,
        sources: Sequence[Source] | None = None,
        weights: Sequence[float] | None = None,
        **conventions: Any,
    ) -> Task | MixtureTask:
        if sources is not None:
            if target is not None or noise:
                raise HypothesisError(
                    "every source has its target and its noise", "target or noise beside sources", "pass Source(target, noise)"
                )
            return MixtureTask(sources, weights, **conventions)
        if weights is not None or conventions:
            raise HypothesisError(
                "weights and conventions are those of sources",
                f"{', '.join([*(['weights'] if weights is not None else []), *conventions])} without sources",
                "pass sources=[Source(target, noise)]",
            )
        return object.__new__(cls)

    def __init__(self, target: Any = None, noise: float = 0.0, **_: Any) -> None:
        object.__setattr__(self, "target", activation(target))
        object.__setattr__(self, "noise", non_negative(noise, "noise", "the variance ρ of the label noise"))

    def __str__(self) -> str:
        return f"target {self.target}, noise variance {self.noise:g}"
