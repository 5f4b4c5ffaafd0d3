"""One source of data: the laws of its inputs and tasks, its target and its noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations import Activation, activation
from hermite_eq.arguments import array, count, non_negative
from hermite_eq.errors import HypothesisError
from hermite_eq.models.distributions import Distribution, Gaussian, distribution
from hermite_eq.models.structures import Identity, Structure, structure

Array = NDArray[np.float64]
Mean = float | Sequence[float]


@dataclass(frozen=True)
class Source:
    r"""One source, in inputs of O(1) entries:

    .. math:: X=\mu_x+\Sigma_x^{1/2}z,\qquad \xi=\mu_\xi+\Sigma_\xi^{1/2}\zeta,\qquad y=\sigma_*(\text{link})+\epsilon,\quad
        \epsilon\sim\mathcal N(0,\rho),

    where the link's argument is the business of :class:`Task`. z and ζ have mean zero and covariance I.

    Parameters
    ----------
    target : str, sympy.Expr, Activation or callable
        :math:`\sigma_*`.
    noise : float
        The variance ρ.
    input_cov, task_cov : Structure or array_like
        :math:`\Sigma_x` and :math:`\Sigma_\xi`; a vector is a diagonal, a matrix itself. The identity by default.
    input_mean, task_mean : float or (d,) array_like
        :math:`\mu_x` and :math:`\mu_\xi`; a number is the mean of every entry.
    inputs, tasks : Distribution or str
        The laws of z and ζ: "gaussian", "sphere" (radius √d), "rademacher", "uniform", or :class:`StudentT`.

    Examples
    --------
    >>> from hermite_eq.models import Spike, StudentT
    >>> print(Source("relu", noise=0.01, task_cov=Spike(9.0), inputs=StudentT(5)))
    target relu, noise variance 0.01, task covariance spike 9, inputs Student t, 5 degrees of freedom
    """

    target: Activation
    noise: float = 0.0
    input_cov: Structure = Identity()  # noqa: RUF009
    task_cov: Structure = Identity()  # noqa: RUF009
    input_mean: Mean = 0.0
    task_mean: Mean = 0.0
    inputs: Distribution = Gaussian()  # noqa: RUF009
    tasks: Distribution = Gaussian()  # noqa: RUF009

    def __init__(
        self,
        target: Any,
        noise: float = 0.0,
        *,
        input_cov: Structure | ArrayLike = Identity(),  # noqa: B008
        task_cov: Structure | ArrayLike = Identity(),  # noqa: B008
        input_mean: ArrayLike = 0.0,
        task_mean: ArrayLike = 0.0,
        inputs: Distribution | str = "gaussian",
        tasks: Distribution | str = "gaussian",
    ) -> None:
        fields = {
            "target": activation(target),
            "noise": non_negative(noise, "noise", "the variance ρ of the label noise"),
            "input_cov": structure(input_cov),
            "task_cov": structure(task_cov),
            "input_mean": _mean(input_mean, "input_mean"),
            "task_mean": _mean(task_mean, "task_mean"),
            "inputs": distribution(inputs, "inputs"),
            "tasks": distribution(tasks, "tasks"),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def isotropic(self) -> bool:
        """Centred standard Gaussian inputs and tasks."""
        return self == Source(self.target, self.noise)

    @property
    def centred(self) -> bool:
        """Inputs of mean zero."""
        return not np.any(self.input_mean)

    def mean_vectors(self, d: int) -> tuple[Array, Array]:
        r""":math:`\mu_x` and :math:`\mu_\xi` as vectors, shape ``(d,)``."""
        self.check(count(d, "d", least=1))
        return np.full(d, self.input_mean) if np.ndim(self.input_mean) == 0 else np.array(self.input_mean), (
            np.full(d, self.task_mean) if np.ndim(self.task_mean) == 0 else np.array(self.task_mean)
        )

    def check(self, d: int) -> None:
        """Whether covariances and means are of dimension d.

        Raises
        ------
        HypothesisError
            If one of them is not.
        """
        self.input_cov.check(d)
        self.task_cov.check(d)
        for name in ("input_mean", "task_mean"):
            mean = getattr(self, name)
            if isinstance(mean, tuple) and len(mean) != d:
                raise HypothesisError(f"{name} has dimension d = {d}", f"dimension {len(mean)}", f"pass one of dimension {d}")

    def __str__(self) -> str:
        parts = [f"target {self.target}, noise variance {self.noise:g}"]
        for name, words in (("input_cov", "input covariance"), ("task_cov", "task covariance")):
            if getattr(self, name) != Identity():
                parts.append(f"{words} {getattr(self, name)}")
        for name, words in (("input_mean", "input mean"), ("task_mean", "task mean")):
            mean = getattr(self, name)
            if np.any(mean):
                parts.append(f"{words} {mean:g}" if isinstance(mean, float) else f"{words} of norm {np.linalg.norm(mean):g}")
        parts += [f"{name} {getattr(self, name)}" for name in ("inputs", "tasks") if getattr(self, name) != Gaussian()]
        return ", ".join(parts)


def _mean(value: Any, name: str) -> Mean:
    entries = array(
        value, name, dimensions=(0, 1), requirement=f"{name} is a finite number or a vector of d", repair=f"pass {name}=0.0 or a (d,) array"
    )
    return float(entries) if entries.ndim == 0 else tuple(entries.tolist())
