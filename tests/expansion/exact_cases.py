"""The table of functions on which the exact engine is tested, and the rule by which they are integrated."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import mpmath
import sympy
from hypothesis import strategies as st
from mpmath.calculus.quadrature import GaussLegendre
from sympy import (
    Abs,
    Heaviside,
    Max,
    Min,
    Piecewise,
    Rational,
    S,
    cos,
    cosh,
    erf,
    erfc,
    exp,
    sign,
    sin,
    sinh,
    sqrt,
)

from hermite_eq.hermite import X

T = TypeVar("T")


def closed(form: T | None) -> T:
    """A closed form that there is."""
    assert form is not None
    return form


_RULE = GaussLegendre(mpmath.mp)


@cache
def _between(a: mpmath.mpf, b: mpmath.mpf, level: int, precision: int) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    return [(x, w * mpmath.npdf(x)) for x, w in _RULE.get_nodes(a, b, level, precision)]


def gauss_nodes(edges: Iterable[mpmath.mpf], level: int = 5) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """x and w φ(x) of Gauss's rule of 3·2^(level − 1) nodes between neighbouring edges, at the working precision, once for all."""
    pairs = itertools.pairwise(map(mpmath.mpf, edges))
    return [node for a, b in pairs for node in _between(a, b, level, mpmath.mp.prec)]


@dataclass(frozen=True)
class Case:
    """An expression with what the tests must know of it independently of the engine."""

    name: str
    expr: sympy.Expr
    kinks: tuple[float, ...] = ()
    parity: str | None = None
    #: E f(g)² has a closed form.
    norm: bool = True
    #: c_k has a closed form in k.
    general: bool = True
    #: exp(βx²) with β > 0 makes the integrals reach further out.
    wide: bool = False


GELU = X * (1 + erf(X / sqrt(2))) / 2

CASES = [
    Case("identity", X, parity="odd"),
    Case("cubic", X**3 - 2 * X, parity="odd"),
    Case("relu", Max(X, 0), (0,)),
    Case("leaky", Max(X, 0) + Rational(1, 100) * Min(X, 0), (0,)),
    Case("abs", Abs(X), (0,), "even"),
    Case("sign", sign(X), (0,), "odd"),
    Case("heaviside", Heaviside(X), (0,)),
    Case("relu squared", Max(X, 0) ** 2, (0,)),
    Case("hardtanh", Max(-1, Min(1, X)), (-1, 1), "odd"),
    Case("hard swish", X * Min(Max(X + 3, 0), 6) / 6, (-3, 3)),
    Case("shifted relu", Max(X - sqrt(2), 0), (2**0.5,)),
    Case("nested kinks", Max(X**2 - 1, Abs(X)), (-(1 + 5**0.5) / 2, 0, (1 + 5**0.5) / 2), "even"),
    Case("three pieces", Piecewise((X**2, X > 1), (1 - X, X > -1), (0, True)), (-1, 1)),
    Case("elu", Piecewise((X, X > 0), (exp(X) - 1, True)), (0,)),
    Case("elu by max and min", Max(X, 0) + Min(0, Rational(3, 2) * (exp(X) - 1)), (0,)),
    Case("exp(-|x|)", exp(-Abs(X)), (0,), "even"),
    Case("max(exp, 1)", Max(1, exp(X)), (0,)),
    Case("exp", exp(X)),
    Case("2**x", sympy.Integer(2) ** X),
    Case("x² exp(-x/2)", X**2 * exp(-X / 2)),
    Case("sin", sin(X), parity="odd"),
    Case("cos", cos(2 * X), parity="even"),
    Case("shifted wave", (X**2 - 1) * sin(2 * X + 1)),
    Case("damped wave", exp(-X) * sin(2 * X)),
    Case("cosh on a ray", cosh(X) * Heaviside(X - 1), (1,)),
    Case("sinh", sinh(X), parity="odd"),
    Case("sine on a ray", Heaviside(X) * sin(X), (0,)),
    Case("shifted sine on a ray", Heaviside(X - 1) * sin(X + 1), (1,)),
    Case("gaussian", exp(-(X**2) / 2), parity="even"),
    Case("gaussian polynomial", (X**2 + X) * exp(-(X**2) / 2 + X / 3)),
    Case("growing gaussian", exp(X**2 / 8 + X), wide=True),
    Case("gabor", X * cos(3 * X + 1) * exp(-(X**2) / 4)),
    Case("gaussian on an interval", exp(-(X**2)) * Heaviside(X) * Heaviside(1 - X), (0, 1), general=False),
    Case("erf", erf(X), parity="odd"),
    Case("shifted erf", erf(X + 1), norm=False),
    Case("erfc", erfc(2 * X)),
    Case("gelu", GELU),
    Case("gelu squared", GELU**2, general=False),
    Case("polynomial erf", X**2 * erf(2 * X - 1) + erf(X), norm=False),
    Case("sine erf", sin(X) * erf(X), norm=False, general=False, parity="even"),
    Case("erf on a ray", erf(X) * Heaviside(X), (0,), general=False),
    Case("erf on a symmetric interval", erf(X) * Heaviside(1 - X**2), (-1, 1), "odd", norm=False, general=False),
    Case("normal cdf on a ray", (1 + erf(X / sqrt(2))) * Heaviside(X - 1), (1,), general=False),
    Case("erf and a kink", erf(X) + Abs(X - 1), (1,), norm=False),
    Case("gelu times step", GELU * Heaviside(X), (0,), general=False),
]


# Random members of the family with closed forms, as hypothesis strategies.


small = st.integers(-3, 3)
ratio = st.builds(Rational, st.integers(-4, 4), st.sampled_from([1, 2, 3]))
positive = st.builds(Rational, st.integers(1, 4), st.sampled_from([1, 2, 3]))


@st.composite
def smooth_terms(draw: st.DrawFn) -> sympy.Expr:
    """polynomial × one of exp, sin, cos, a Gaussian, erf."""
    p = sum(draw(small) * X**power for power in range(3)) + 1
    kernel = draw(
        st.sampled_from(
            [
                lambda w, q: S.One,
                lambda w, q: exp(w * X / 2),
                lambda w, q: sin(w * X + q),
                lambda w, q: cos(w * X + q),
                lambda w, q: exp(-w * X**2 / 2 + q * X / 2),
                lambda w, q: erf(w * X + q),
            ]
        )
    )
    return p * kernel(draw(positive), draw(ratio))


@st.composite
def kinked_terms(draw: st.DrawFn) -> sympy.Expr:
    """Continuous: a kink at q times a polynomial, an exponential or a wave."""
    q = draw(ratio)
    kink = draw(st.sampled_from([Abs(X - q), Max(X, q), Min(X, q), Max(q - X, 0), Max(-1, Min(1, X - q))]))
    return draw(small) * kink * draw(st.sampled_from([S.One, X, exp(X / 2), sin(X)])) + draw(small)


continuous = st.lists(st.one_of(smooth_terms(), kinked_terms()), min_size=1, max_size=2).map(lambda f: sympy.Add(*f))
members = st.tuples(continuous, st.sampled_from([S.Zero, Heaviside(X - 1), sympy.sign(X) * X**2])).map(lambda f: sympy.Add(*f))
