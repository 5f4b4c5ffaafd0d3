"""Heads by what they share: features, and the gradient step of their first layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hermite_eq.activations import Activation
from hermite_eq.models import LinearTransformer, OneStepTransformer, PolynomialActivation, RandomTransformer, TrainedModel
from hermite_eq.simulate.training.features import Block
from hermite_eq.simulate.training.kronecker import Floats


@dataclass(frozen=True)
class StepSource:
    """What gradient steps must share to share their gradient.

    Attributes
    ----------
    activation : Activation
        σ of the network that takes the step.
    normalise : bool
    """

    activation: Activation
    normalise: bool


@dataclass(frozen=True)
class Step:
    """A gradient step as a head sees it: :math:`F+\\eta G`, or :math:`F+\\eta uv^\\top` where ``rank_one``."""

    source: StepSource
    size: float
    rank_one: bool


@dataclass(frozen=True)
class HeadKind:
    r"""What heads must share to share their feature matrix.

    Attributes
    ----------
    activation : Activation, PolynomialActivation or None
        None for the linear head. Of an equivalent activation the polynomial part, without vanishing coefficients
        of highest degree: an equivalent model of degree r whose :math:`c_r` is zero is that of degree r − 1.
    residual : float
        :math:`c_r^*`, the weight of the noise z.
    normalise : bool
    step : Step or None
        What was done to the first layer.
    before : tuple of (Activation, int)
        :math:`\sigma_l` and :math:`m_l` of the random layers before the last.
    """

    activation: Any
    residual: float
    normalise: bool
    step: Step | None = None
    before: tuple[tuple[Any, int], ...] = ()

    @classmethod
    def of(cls, model: TrainedModel) -> HeadKind:
        if isinstance(model, LinearTransformer):
            return cls(None, 0.0, False)
        if isinstance(model, RandomTransformer) and model.hidden:
            before = tuple(zip(model.activations, model.hidden, strict=False))
            return cls(model.activations[-1], 0.0, model.normalise, before=before)
        sigma, step = model.activation, None
        if isinstance(model, OneStepTransformer):
            sigma = model.head
            # Without a step the head is a random one.
            if model.step_size:
                step = Step(StepSource(model.activation, model.normalise), model.step_size, model.rank_one)
        if not isinstance(sigma, PolynomialActivation):
            return cls(sigma, 0.0, model.normalise, step)
        degree = max((k for k, c in enumerate(sigma.c) if c != 0), default=0)
        polynomial = PolynomialActivation(sigma.source, sigma.c[: degree + 1], 0.0)
        return cls(polynomial, float(sigma.residual), model.normalise, step)

    @property
    def linear(self) -> bool:
        return self.activation is None

    @property
    def first(self) -> Any:
        """σ of the first layer, which sees the length of h."""
        return self.before[0][0] if self.before else self.activation

    def effective_share(self, norm: NDArray[np.float64]) -> float:
        r"""Which share of contexts of norms s counts in the mean of :math:`M(s)=\mathbb E_g\sigma(sg)^2`: (mean of M)² / mean of M²."""
        # Exact for polynomials of degree below 40; of the others the size of M is enough.
        g, w = np.polynomial.hermite_e.hermegauss(40)
        with np.errstate(over="ignore", invalid="ignore"):
            square = np.asarray(self.first(np.multiply.outer(norm, g), rng=None)) ** 2 @ (w / w.sum()) + self.residual**2
            relative = square / square.max()
            return float(relative.mean() ** 2 / (relative**2).mean())

    def apply(self, block: Block) -> Floats:
        r""":math:`\sigma(F^\top h)`, h rescaled to :math:`\|h\|^2=t` first where asked."""
        z, arrays = self._last_preactivation(block) if self.before else block.preactivation, block.arrays
        values = arrays.xp.empty_like(z)
        step = max(1, arrays.entries // z.shape[1])
        for start in range(0, z.shape[0], step):
            rows = slice(start, min(start + step, z.shape[0]))
            part = z[rows, :]
            if self.normalise and not self.before:
                part = part / block.norm[rows, :]
            values[rows, :] = arrays.apply(self.activation, part)
            if block.noise is not None and self.residual:
                values[rows, :] += self.residual * block.noise[rows, :]
        return values

    def _last_preactivation(self, block: Block) -> Floats:
        r""":math:`F_L^\top\phi_{L-1}`."""
        first, *others = block.layers(self.before)
        z = block.h.times(first)
        if self.normalise:
            z = z / block.norm
        for (sigma, _), layer in zip(self.before, others, strict=True):
            z = block.arrays.apply(sigma, z) @ layer.T
        return z


class Unit(NamedTuple):
    """What is trained in one go: a head at every point of a path, or, after a gradient step, at one, whose first layer is its own.

    Attributes
    ----------
    head : HeadKind
    point : (int, int) or None
        (n, m), or None where the head keeps F.
    """

    head: HeadKind
    point: tuple[int, int] | None

    @property
    def gradient(self) -> tuple[StepSource, tuple[int, int]] | None:
        """Which gradient it needs."""
        if self.head.step is None or self.point is None:
            return None
        return self.head.step.source, self.point
