r"""Laws of standardised vectors z, from which inputs :math:`\mu+Az` and tasks are made: mean zero, :math:`\mathbb E[zz^\top]=I`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.arguments import count, finite, generator, sequence, shown
from hermite_eq.errors import HypothesisError
from hermite_eq.memory import require_memory

Array = NDArray[np.float64]


class Distribution(ABC):
    """The law of a random vector with mean zero and covariance I."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Independent vectors along the last axis; the first do not depend on how many follow."""


def drawn_shape(shape: Any) -> tuple[int, ...]:
    """A shape whose entries fit into memory."""
    axes = tuple(count(axis, "shape") for axis in sequence(shape, "shape", empty=False))
    require_memory(16 * math.prod(axes), "the draws", "pass a smaller shape")
    return axes


@dataclass(frozen=True)
class Gaussian(Distribution):
    """N(0, I)."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return generator(rng).standard_normal(drawn_shape(shape))

    def __str__(self) -> str:
        return "gaussian"


@dataclass(frozen=True)
class Sphere(Distribution):
    """The uniform law on the sphere of radius √d.

    >>> import numpy as np
    >>> z = Sphere().draw(np.random.default_rng(0), (3, 4))
    >>> np.allclose((z**2).sum(axis=1), 4)
    True
    """

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        z = generator(rng).standard_normal(drawn_shape(shape))
        return np.asarray(z * (math.sqrt(shape[-1]) / np.linalg.norm(z, axis=-1, keepdims=True)))

    def __str__(self) -> str:
        return "sphere"


@dataclass(frozen=True)
class StudentT(Distribution):
    """Independent entries, each Student's t divided by its standard deviation √(ν/(ν − 2)).

    Parameters
    ----------
    dof : float
        The degrees of freedom ν > 2. Moments of order ν and above are infinite.

    Examples
    --------
    >>> print(StudentT(3))
    Student t, 3 degrees of freedom
    """

    dof: float

    def __post_init__(self) -> None:
        dof = finite(self.dof, "dof", "the degrees of freedom ν")
        if not dof > 2:
            raise HypothesisError("the variance is finite: ν > 2", f"dof={self.dof!r}", "pass dof=3 or more")
        object.__setattr__(self, "dof", dof)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return generator(rng).standard_t(self.dof, drawn_shape(shape)) * math.sqrt((self.dof - 2) / self.dof)

    def __str__(self) -> str:
        return f"Student t, {self.dof:g} degrees of freedom"


@dataclass(frozen=True)
class Rademacher(Distribution):
    """Independent signs."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.where(generator(rng).random(drawn_shape(shape)) < 0.5, -1.0, 1.0)

    def __str__(self) -> str:
        return "rademacher"


@dataclass(frozen=True)
class Uniform(Distribution):
    """Independent entries, uniform on [−√3, √3]."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return math.sqrt(3) * (2 * generator(rng).random(drawn_shape(shape)) - 1)

    def __str__(self) -> str:
        return "uniform"


_NAMED: dict[str, Distribution] = {str(law): law for law in (Gaussian(), Sphere(), Rademacher(), Uniform())}


def distribution(value: Any, name: str) -> Distribution:
    """A distribution as it is, or by its name.

    >>> distribution("sphere", "tasks")
    Sphere()
    """
    law = _NAMED.get(value) if isinstance(value, str) else value
    if not isinstance(law, Distribution):
        raise HypothesisError(
            f"{name} follow a distribution: {', '.join(map(repr, _NAMED))}, or StudentT(dof)",
            f"{name}={shown(value)}",
            f'pass {name}="gaussian"',
        )
    return law
