r"""Kernels of networks of random layers of infinite width: NNGP and NTK, composed of dual activations.

Inputs have one length, :math:`\|x\|^2=dq_0`, and correlation ρ. With weights of variance :math:`\sigma_w^2` over the width and biases of
variance :math:`\sigma_b^2` the pre-activations of layer l have covariance :math:`\Sigma_l(\rho)` and variance :math:`q_l=\Sigma_l(1)`,

.. math:: \Sigma_1=\sigma_w^2q_0\rho+\sigma_b^2,\qquad \Sigma_{l+1}=\sigma_w^2\kappa_l(\Sigma_l/q_l)+\sigma_b^2,\qquad
    \Theta_1=\Sigma_1,\qquad \Theta_{l+1}=\Sigma_{l+1}+\frac{\sigma_w^2}{q_l}\kappa_l'(\Sigma_l/q_l)\,\Theta_l,

:math:`\kappa_l` the dual activation of :math:`x\mapsto\sigma_l(\sqrt{q_l}\,x)`, and :math:`\kappa_l'/q_l=\mathbb E\,\sigma_l'\sigma_l'`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations import Activation, activation, rescaled
from hermite_eq.arguments import exact, one_of, sequence, shown
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.expansion import coefficients
from hermite_eq.expansion.kernels.dual import RHO, correlations
from hermite_eq.expansion.kernels.kernel import DualActivation
from hermite_eq.expansion.kernels.portable import array_module
from hermite_eq.expansion.panels import EPS
from hermite_eq.latex import exact as exact_tex

#: A value with the size of its error.
Measured = tuple[Any, Any]
#: Degree of the series of the dual activations, which double precision does not use.
_DEGREE = 30
_MOST_LAYERS = 100


@dataclass(frozen=True)
class LayerKernel:
    r"""NNGP and NTK of a network of random layers. Made by :func:`layer_kernel`.

    Attributes
    ----------
    activations : tuple of Activation
        Of the hidden layers, from the input on; the kernels are those of an output that is linear in the last.
    weight_variance, bias_variance, input_variance : sympy.Expr
        :math:`\sigma_w^2,\sigma_b^2` and :math:`q_0`.
    """

    activations: tuple[Activation, ...]
    weight_variance: sympy.Expr
    bias_variance: sympy.Expr
    input_variance: sympy.Expr

    @cached_property
    def layers(self) -> tuple[tuple[Any, DualActivation], ...]:
        r""":math:`q_l`, exact where it is, and :math:`\kappa_l` of every hidden layer."""
        computed, q = [], self.weight_variance * self.input_variance + self.bias_variance
        for number, sigma in enumerate(self.activations, 1):
            scaled = rescaled(sigma, q)
            computed.append((q, DualActivation(scaled, scaled, _DEGREE)))
            q = self.weight_variance * coefficients(scaled, 0).norm2 + self.bias_variance
            # Closed forms in √q of what is no fraction grow with every layer.
            q = q if isinstance(q, sympy.Rational) else float(q)
            if not float(q) > 0:
                raise HypothesisError(
                    "the features of every layer have a positive variance",
                    f"q = 0 after layer {number}, {sigma}",
                    "leave that layer out, or pass bias_variance > 0",
                )
        return tuple(computed)

    def nngp(self, rho: ArrayLike) -> Any:
        r""":math:`\Sigma_{L+1}(\rho)`, in the shape of ``rho``; an array of PyTorch or JAX gives one."""
        return self._values(rho)["nngp"][0]

    def nngp_errors(self, rho: ArrayLike) -> NDArray[np.float64]:
        """Estimated absolute errors of :meth:`nngp`."""
        return np.asarray(self._values(correlations(rho))["nngp"][1])

    def slope(self, rho: ArrayLike) -> Any:
        r""":math:`\Sigma_{L+1}'(\rho)`.

        Raises
        ------
        HypothesisError
            As :attr:`DualActivation.slope`.
        """
        return self._values(rho, tangent=True)["slope"][0]

    def ntk(self, rho: ArrayLike) -> Any:
        r""":math:`\Theta_{L+1}(\rho)`, of the parametrisation in which every parameter is standard normal at the start.

        Raises
        ------
        HypothesisError
            If an activation jumps, or its derivative is not square integrable: the kernel is infinite at ρ = 1.
        """
        return self._values(rho, tangent=True)["ntk"][0]

    def ntk_errors(self, rho: ArrayLike) -> NDArray[np.float64]:
        """Estimated absolute errors of :meth:`ntk`."""
        return np.asarray(self._values(correlations(rho), tangent=True)["ntk"][1])

    def _values(self, rho: Any, *, tangent: bool = False) -> dict[str, Measured]:
        plain = array_module(rho) is None
        if plain:
            rho = correlations(rho)
        weight, bias, first = (float(x) for x in (self.weight_variance, self.bias_variance, self.input_variance))
        value: Measured = (weight * first * rho + bias, 4 * EPS * (abs(weight * first * rho) + bias))
        neural, slope = value, (weight * first + 0 * rho, EPS * weight * first + 0 * rho)
        for q, dual in self.layers:
            r: Measured = (value[0] / float(q), value[1] / float(q) + 2 * EPS)
            if plain:
                # An input has the correlation 1 with itself in every layer.
                r = (np.where(rho == 1, 1.0, r[0]), np.where(rho == 1, 0.0, r[1]))
            measured = _as_measured(dual, r, plain)
            value = (weight * measured[0] + bias, weight * measured[1] + EPS * abs(weight * measured[0] + bias))
            if tangent:
                steep = tuple(weight / float(q) * part for part in _as_measured(dual.slope, r, plain))
                slope, neural = _times(steep, slope), _times(steep, neural)
                neural = (value[0] + neural[0], value[1] + neural[1])
        return {"nngp": value, "slope": slope, "ntk": neural}

    @property
    def nngp_exact(self) -> sympy.Expr | None:
        r"""The NNGP kernel in closed form, in the real symbol ``rho``; None where one of its layers has none, or a variance that is no
        fraction.
        """
        return self._closed(tangent=False)

    @property
    def ntk_exact(self) -> sympy.Expr | None:
        """The NTK in closed form, or None."""
        return self._closed(tangent=True)

    def _closed(self, *, tangent: bool) -> sympy.Expr | None:
        value = self.weight_variance * self.input_variance * RHO + self.bias_variance
        neural = value
        for q, dual in self.layers:
            if not isinstance(q, sympy.Rational):
                return None
            of, steep = dual.exact, dual.slope.exact if tangent else sympy.S.One
            if of is None or steep is None:
                return None
            at = {RHO: sympy.expand(value / q)}
            value = self.weight_variance * of.xreplace(at) + self.bias_variance
            neural = value + self.weight_variance / q * steep.xreplace(at) * neural
        return neural if tangent else value

    def latex(self, kernel: Literal["nngp", "ntk"] = "nngp") -> str:
        r"""TeX of a kernel: its closed form, or the recursion.

        >>> print(layer_kernel(["square"]).latex("ntk"))
        \Theta(\rho) = 6 \rho^{2} + 1
        """
        one_of(kernel, ("nngp", "ntk"), "kernel")
        name = r"\Theta" if kernel == "ntk" else r"\Sigma"
        closed = self.ntk_exact if kernel == "ntk" else self.nngp_exact
        if closed is not None:
            return rf"{name}(\rho) = {exact_tex(closed)}"
        at = r"\bigl(\Sigma_l(\rho)/q_l\bigr)"
        step = rf"\Sigma_{{l+1}}(\rho) = \sigma_w^2\, \kappa_l{at} + \sigma_b^2"
        if kernel == "ntk":
            step += rf", \qquad \Theta_{{l+1}}(\rho) = \Sigma_{{l+1}}(\rho) + \tfrac{{\sigma_w^2}}{{q_l}}\, \kappa_l'{at}\, \Theta_l(\rho)"
        return step

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def _as_measured(dual: DualActivation, r: Measured, plain: bool) -> Measured:
    """κ(r) and its error, of which what an error of r does is part."""
    if not plain:
        return dual(r[0]), 0 * r[0]
    ends = [correlations(np.clip(r[0] + sign * r[1], -1.0, 1.0)) for sign in (-1, 0, 1)]
    low, middle, high = dual(np.stack(ends))
    return middle, dual.errors(ends[1]) + np.maximum(abs(middle - low), abs(middle - high))


def _times(left: Any, right: Any) -> Measured:
    value = left[0] * right[0]
    return value, abs(left[0]) * right[1] + abs(right[0]) * left[1] + EPS * abs(value)


def layer_kernel(activations: Sequence[Any], *, weight_variance: Any = 1, bias_variance: Any = 0, input_variance: Any = 1) -> LayerKernel:
    r"""The kernels (NNGP and NTK) of a network with hidden layers of infinite width.

    Parameters
    ----------
    activations : sequence
        Of the hidden layers, from the input on: whatever :func:`hermite_eq.activation` takes.
    weight_variance, bias_variance : number
        :math:`\sigma_w^2>0` (2 keeps the variance under ReLU) and :math:`\sigma_b^2\ge0`. Decimals are taken as written.
    input_variance : number
        :math:`q_0=\|x\|^2/d>0`.

    Returns
    -------
    LayerKernel

    Raises
    ------
    HypothesisError
        For no layer, a variance out of range, or a layer whose features vanish.

    References
    ----------
    Lee et al., arXiv 1711.00165 (NNGP); Jacot, Gabriel and Hongler, arXiv 1806.07572, Theorem 1 (NTK). Derivation:
    ``derivations/coefficients/layer_kernels.py``.

    Examples
    --------
    Two ReLU layers, beside the arc-cosine kernel of one:

    >>> one, two = (layer_kernel(["relu"] * depth, weight_variance=2) for depth in (1, 2))
    >>> one.nngp([0.0, 1.0]).round(6), two.nngp([0.0, 1.0]).round(6)
    (array([0.63662, 2.     ]), array([0.987462, 2.      ]))
    >>> two.ntk(1.0).round(6), bool(two.ntk_errors(1.0) < 1e-12)
    (np.float64(6.0), True)
    >>> layer_kernel(["sign"]).ntk(0.5)
    Traceback (most recent call last):
        ...
    hermite_eq.errors.HypothesisError: ...
    """
    requirement, repair = "activations is a non-empty sequence of hidden layers", 'pass activations=["relu", "tanh"]'
    names = sequence(activations, "activations", empty=False, requirement=requirement, repair=repair)
    if len(names) > _MOST_LAYERS:
        raise HypothesisError(f"there are at most {_MOST_LAYERS} layers", f"{len(names)}", "pass fewer")
    weight, bias, first = (
        _variance(value, name, least=least) for value, name, least in (
            (weight_variance, "weight_variance", "> 0"), (bias_variance, "bias_variance", "≥ 0"), (input_variance, "input_variance", "> 0"),
        )
    )  # fmt: skip
    kernel = LayerKernel(tuple(activation(sigma) for sigma in names), weight, bias, first)
    for sigma in kernel.activations:
        if sigma.parameters:
            raise HypothesisError("activations of layers have no parameters", f"{sigma}", "put numbers in their place")
    _ = kernel.layers
    return kernel


def _variance(value: Any, name: str, *, least: str) -> sympy.Expr:
    requirement, repair = f"{name} is a finite number {least}", f"pass {name}=1"
    given = exact(value, name, requirement=requirement, repair=repair)
    holds: Callable[[float], bool] = (lambda x: 0 < x < np.inf) if least == "> 0" else (lambda x: 0 <= x < np.inf)
    if given.free_symbols or given.is_real is False or not holds(float(given)):
        raise HypothesisError(requirement, f"{name}={shown(value)}", repair)
    return sympy.Rational(str(given)) if given.is_Float else given
