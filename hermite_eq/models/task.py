"""The in-context task: data from one source or several, and the conventions of its contexts."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.activations import Activation
from hermite_eq.arguments import array, count, flag, shown
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.models.source import Source

#: Weights are sums of a few decimals, each rounded.
_SUM = 64 * np.finfo(float).eps


@dataclass(frozen=True, init=False)
class Task:
    r"""In-context regression. ``Task(target, noise)`` is the task of [RT] (1)-(2),

    .. math:: \xi\sim\mathcal N(0,I_d),\quad x_i\sim\mathcal N(0,I_d/d),\quad y_i=\sigma_*(\xi^\top x_i)+\epsilon_i,\quad
        \epsilon_i\sim\mathcal N(0,\rho),

    and ``Task(sources=[…])`` has other laws of inputs and tasks, or several: a context is from source s with probability
    :math:`\pi_s` in training. With inputs X and tasks ξ of :class:`Source` a context is in one of two scales and has one of two links, by
    default those of [RT]:

    - ``unit_inputs=False``: :math:`x=X/\sqrt d` and :math:`b_1=\frac d\ell\sum y_ix_i`; ``True``, as in [DM]: :math:`x=X` and
      :math:`b_1=\frac1\ell\sum y_ix_i`. In both :math:`b_2=\frac1\ell\sum y_i^2` and :math:`H_Z=x_{\ell+1}b^\top`.
    - ``unit_link=False``: :math:`y=\sigma_*(\xi^\top X/\sqrt d)+\epsilon`; ``True``, as in [DM]:
      :math:`y=\sigma_*\bigl(\xi^\top X/(\|\xi\|\,\|\Sigma_x\|_2^{1/2})\bigr)+\epsilon`.

    Parameters
    ----------
    target : str, sympy.Expr, Activation or callable, optional
        :math:`\sigma_*` of one isotropic source, whatever :func:`hermite_eq.activations.activation` takes.
    noise : float
        The variance ρ of its label noise (everywhere in the package a variance).
    sources : sequence of Source, optional
        In place of target and noise.
    weights : sequence of float, optional
        The training probabilities π; equal by default.
    test_weights : sequence of float, "uniform" or "training"
        The probabilities of the sources in the ICL error; uniform over the sources by default, as in [DM].
    unit_inputs, unit_link : bool

    Raises
    ------
    HypothesisError
        If there is neither a target nor a source, or both, or if weights are negative or do not sum to one.

    Warns
    -----
    HypothesisWarning
        If a source of the test is never sampled in training.

    References
    ----------
    [RT] (1)-(2), [DM] §2.

    Examples
    --------
    >>> print(Task("relu", noise=0.01))
    target relu, noise variance 0.01
    >>> Task("relu", noise=0.01) == Task(sources=[Source("relu", noise=0.01)])
    True
    >>> from hermite_eq.models import Spike
    >>> task = Task(sources=[Source("relu", 0.01), Source("relu", 0.01, task_cov=Spike(9.0))], weights=[0.25, 0.75])
    >>> print(task)
    0.25 × (target relu, noise variance 0.01) + 0.75 × (target relu, noise variance 0.01, task covariance spike 9)
    >>> task.test_weights
    (0.5, 0.5)
    >>> print(task.only(1))
    target relu, noise variance 0.01, task covariance spike 9
    """

    sources: tuple[Source, ...]
    weights: tuple[float, ...]
    test_weights: tuple[float, ...]
    unit_inputs: bool
    unit_link: bool

    def __init__(
        self,
        target: Any = None,
        noise: float = 0.0,
        *,
        sources: Sequence[Source] | None = None,
        weights: Sequence[float] | NDArray[np.floating[Any]] | None = None,
        test_weights: Sequence[float] | NDArray[np.floating[Any]] | str = "uniform",
        unit_inputs: bool = False,
        unit_link: bool = False,
    ) -> None:
        if target is None and sources is None:
            raise HypothesisError("a task has a target, or sources", "neither", 'pass Task("relu", noise=0.01), say')
        if sources is None:
            given: tuple[Source, ...] = (Source(target, noise),)
        elif target is not None or noise:
            raise HypothesisError(
                "every source has its target and its noise",
                "target or noise beside sources",
                "pass Source(target, noise), or for another noise task.with_noise(0.1)",
            )
        else:
            given = tuple(sources) if isinstance(sources, Sequence) and not isinstance(sources, str) else (sources,)
        if not given or not all(isinstance(source, Source) for source in given):
            raise HypothesisError("sources are a sequence of Source", shown(sources), 'pass sources=[Source("relu", noise=0.01)]')
        uniform = (1 / len(given),) * len(given)
        training = uniform if weights is None else _weights(weights, len(given), "weights")
        if isinstance(test_weights, str):
            if test_weights not in ("uniform", "training"):
                raise HypothesisError(
                    "the test's sources are 'uniform', those of 'training', or have weights",
                    f"test_weights={test_weights!r}",
                    'pass test_weights="uniform"',
                )
            test = uniform if test_weights == "uniform" else training
        else:
            test = _weights(test_weights, len(given), "test_weights")
        for s, (pi, share) in enumerate(zip(training, test, strict=True)):
            if pi == 0 < share:
                warnings.warn(f"source {s} ({given[s]}) is never sampled in training", HypothesisWarning, stacklevel=2)
        for name, value in {
            "sources": given,
            "weights": training,
            "test_weights": test,
            "unit_inputs": flag(unit_inputs, "unit_inputs"),
            "unit_link": flag(unit_link, "unit_link"),
        }.items():
            object.__setattr__(self, name, value)

    @property
    def isotropic(self) -> bool:
        """One source of centred standard Gaussian inputs and tasks, in the conventions of [RT]: ``Task(target, noise)``."""
        return len(self.sources) == 1 and self.sources[0].isotropic and not (self.unit_inputs or self.unit_link)

    @property
    def source(self) -> Source:
        """The one source.

        Raises
        ------
        HypothesisError
            If there are several.
        """
        if len(self.sources) > 1:
            raise HypothesisError("the task has one source", f"{len(self.sources)} sources", "ask one of them: task.sources[0]")
        return self.sources[0]

    @property
    def target(self) -> Activation:
        r""":math:`\sigma_*` of the one source."""
        return self.source.target

    @property
    def noise(self) -> float:
        """ρ of the one source."""
        return self.source.noise

    def with_noise(self, noise: float) -> Task:
        """The task with this variance of the label noise in every source."""
        return replace(self, sources=tuple(replace(source, noise=noise) for source in self.sources))

    def only(self, s: int) -> Task:
        """The task of source s alone, in training and in the test."""
        s = count(s, "s", "the number of a source", most=len(self.sources) - 1)
        return Task(sources=[self.sources[s]], unit_inputs=self.unit_inputs, unit_link=self.unit_link)

    def tested_on(self, s: int) -> Task:
        """The same training, with source s alone in the test."""
        s = count(s, "s", "the number of a source", most=len(self.sources) - 1)
        return replace(self, test_weights=tuple(float(i == s) for i in range(len(self.sources))))

    def check(self, d: int) -> None:
        r"""Whether every source is one of dimension d.

        Raises
        ------
        HypothesisError
            If a covariance or a mean is not of dimension d.

        Warns
        -----
        HypothesisWarning
            If the traces of the :math:`\Sigma_{x,s}` differ, which the theorems of [DM] take to be equal.
        """
        for source in self.sources:
            source.check(d)
        traces = [source.input_cov.trace(d) for source in self.sources]
        if max(traces) - min(traces) > 64 * d * np.finfo(float).eps * max(traces):
            listed = ", ".join(f"source {s}: {trace:g}" for s, trace in enumerate(traces))
            warnings.warn(
                f"the input covariances have unequal traces ({listed}), which the theorems of [DM] take to be equal; "
                "Spike(…, normalised=True) has trace d",
                HypothesisWarning,
                stacklevel=2,
            )

    def __str__(self) -> str:
        conventions = [name for name, on in (("unit inputs", self.unit_inputs), ("unit link", self.unit_link)) if on]
        mixed = " + ".join(f"{weight:g} × ({source})" for weight, source in zip(self.weights, self.sources, strict=True))
        text = str(self.sources[0]) if len(self.sources) == 1 else mixed
        if self.test_weights != (1 / len(self.sources),) * len(self.sources):
            conventions.append(f"test weights {', '.join(f'{weight:g}' for weight in self.test_weights)}")
        return "; ".join([text, *conventions])


def _weights(values: Any, number: int, name: str) -> tuple[float, ...]:
    requirement, repair = f"{name} are {number} probabilities, one for each source", f"pass {number} numbers ≥ 0"
    weights = tuple(array(values, name, empty=True, dimensions=1, requirement=requirement, repair=repair).tolist())
    if len(weights) != number or min(weights) < 0:
        raise HypothesisError(requirement, f"{name}={shown(values)}", repair)
    total = math.fsum(weights)
    if abs(total - 1) > _SUM:
        raise HypothesisError(f"{name} sum to one", f"the sum {total:.12g}", "divide the weights by their sum")
    return weights
