"""Refused expansions, enclosures, kernels and their TeX, the words of the repair, and the repair as a call."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import jax
import numpy as np
import sympy
from flint import arb
from problems import Row, silent

import hermite_eq as h
from hermite_eq import expansion, hermite, latex
from hermite_eq.activations import activation
from hermite_eq.expansion.argument_moments import argument_moments
from hermite_eq.expansion.enclosure import Enclosure, to_enclosure
from hermite_eq.expansion.exact import exact_coefficients, general_coefficient, tail
from hermite_eq.expansion.kernels.dual import dual_series, exact_dual
from hermite_eq.hermite import X, he, orthonormal_values

a, b = sympy.symbols("a b")


def double(sigma: Any, degree: int = 2, **given: Any) -> Any:
    return np.asarray(h.coefficients(activation(sigma, **given), degree))


def enclosed(sigma: Any, degree: int = 2, digits: int = 15, **given: Any) -> Any:
    return h.coefficients(activation(sigma, **given), degree).enclosure(degree, digits)


TABLE: dict[str, Row] = {
    "degree": (lambda: h.coefficients("relu", -1), "pass degree=0", lambda: h.coefficients("relu", 0)),
    "degree of He": (lambda: he(10**5), "pass k=1000", lambda: he(1000)),
    "degree of a kernel": (
        lambda: h.dual_activation("tanh", degree=10**6), "pass degree=2000", lambda: h.dual_activation("tanh", degree=40)(0.5),
    ),
    "beyond the degree": (
        lambda: h.coefficients("relu", 2).residual(5), "ask for coefficients(…, degree=5)", lambda: h.coefficients("relu", 5).residual(5),
    ),
    "form of TeX": (
        lambda: h.coefficients("relu", 2).latex("tabel"), 'pass form="table"', lambda: h.coefficients("relu", 2).latex("table"),  # type: ignore[arg-type]
    ),
    "no general form": (
        lambda: h.coefficients("tanh", 2).latex("general"), 'pass form="table"', lambda: h.coefficients("tanh", 2).latex("table"),
    ),
    "correlation": (lambda: h.dual_activation("relu")(2.0), "divide the covariance", lambda: h.dual_activation("relu")(2.0 / 2.0)),
    "ragged correlations": (
        lambda: h.dual_activation("relu")([[1], [1, 0]]), "pass an array of numbers",
        lambda: h.dual_activation("relu")([1, 0]),
    ),
    "scales": (
        lambda: expansion.scaled_coefficients("relu", [-1.0], 2), "pass scales=[0.5, 1.0]",
        lambda: expansion.scaled_coefficients("relu", [0.5, 1.0], 2),
    ),
    "square integrability": (lambda: h.coefficients("1/x", 2).c, "use a function whose poles are weaker", lambda: h.coefficients("x", 2).c),
    "beyond doubles": (lambda: h.coefficients("relu", 2)[5], "degree=5", lambda: h.coefficients("relu", degree=5)[5]),
    "values of polynomials": (lambda: orthonormal_values([0.5], -1), "pass degree=0", lambda: orthonormal_values([0.5], 1)),
    "number in TeX": (lambda: latex.decimal(math.nan), "find out why", lambda: latex.decimal(0.5)),
    "digits": (lambda: latex.decimal(0.5, digits=0), "pass digits=1 or more", lambda: latex.decimal(0.5, digits=1)),
    "infinite number": (lambda: latex.number(sympy.zoo), "find out why", lambda: latex.number(sympy.Integer(1))),
    "TeX of": (lambda: latex.latex(3), "pass hermite_eq.coefficients('relu')", lambda: latex.latex(h.coefficients('relu'))),
    "rows of hypotheses": (
        lambda: latex.equivalence_display("x", [("a", "1")], [("b", True)]), "pass tuples of 3",  # type: ignore[list-item]
        lambda: latex.equivalence_display("x", [("a", "1")], [("b", True, "1")]),
    ),
    "growth of a scaled argument": (
        lambda: expansion.scaled_coefficients("exp(x**2/16)/(1 + x**2)", [2.0], 2), "use smaller scales",
        lambda: expansion.scaled_coefficients("exp(x**2/16)/(1 + x**2)", [1.0], 2),
    ),
    "slow growth of a scaled argument": (
        lambda: expansion.scaled_coefficients("exp(x**2/4)/(1 + x**2)", [1.0], 2), "a function that grows more slowly",
        lambda: expansion.scaled_coefficients("exp(x**2/8)/(1 + x**2)", [1.0], 2),
    ),
    "callable enclosed": (lambda: enclosed(np.tanh), "pass a SymPy expression", lambda: enclosed(sympy.tanh(X))),
    "callable enclosed, doubles": (
        lambda: enclosed(np.tanh), "np.asarray(coefficients(…)) serves callables", lambda: np.asarray(h.coefficients(np.tanh)),
    ),
    "no growth bound": (
        lambda: enclosed("erfinv(tanh(x))"), "np.asarray(coefficients(…))", silent(lambda: double("erfinv(tanh(x))")),
    ),
    "digits of an enclosure": (lambda: enclosed("tanh", digits=10**6), "ask for digits=50", lambda: enclosed("tanh", digits=50)),
    "declared Lipschitz constant": (
        lambda: enclosed(sympy.sin(3 * X), lipschitz=1.0), "lipschitz=None", lambda: enclosed(sympy.sin(3 * X), lipschitz=None),
    ),
    "declared Lipschitz constant, larger": (
        lambda: enclosed(sympy.sin(3 * X), lipschitz=1.0), "declare a larger one", lambda: enclosed(sympy.sin(3 * X), lipschitz=3.0),
    ),
    "declared strip": (lambda: enclosed(sympy.tanh(X), strip=3.0), "strip=None", lambda: enclosed(sympy.tanh(X), strip=None)),
    "declared strip, narrower": (
        lambda: enclosed(sympy.tanh(X), strip=3.0), "declare a narrower strip", lambda: enclosed(sympy.tanh(X), strip=1.5),
    ),
    "mass out of reach": (
        lambda: double("exp(60*x - 3600)*tanh(x)"), "c.enclosure(k)", lambda: enclosed("exp(60*x - 3600)*tanh(x)"),
    ),
    "mass out of reach, norm": (
        lambda: double("exp(60*x - 3600)*tanh(x)"), "c.norm2_enclosure()",
        lambda: h.coefficients("exp(60*x - 3600)*tanh(x)").norm2_enclosure(),
    ),
    "mass out of reach, exact": (
        lambda: h.coefficients("exp(60*x - 3600)", 2).estimate, "c.exact", lambda: h.coefficients("exp(60*x - 3600)", 2).exact,
    ),
    "too large for squares": (
        lambda: double(lambda x: 1e200 * np.tanh(x)), "divide the function by 6e+199", lambda: double(lambda x: 1e200 * np.tanh(x) / 6e199),
    ),
    "degree of doubles": (lambda: double("tanh", 301), "ask for exact coefficients", lambda: h.coefficients("relu", 301).exact),
    "degree of doubles, enclosed": (
        lambda: double("tanh", 301), "enclosures one degree at a time", lambda: enclosed("tanh", 301),
    ),
    "shifts": (
        lambda: expansion.scaled_coefficients("relu", [1.0], 2, shifts=[math.inf]), "pass shifts=[-1.0, 0.0]",
        lambda: expansion.scaled_coefficients("relu", [1.0], 2, shifts=[-1.0, 0.0]),
    ),
    "wide arguments": (
        lambda: expansion.scaled_coefficients("relu", [1e9], 2), "pass at most 1000",
        lambda: expansion.scaled_coefficients("relu", [50.0], 2),
    ),
    "coefficient by a name": (lambda: h.coefficients("relu")["a"], "pass c[1]", lambda: h.coefficients("relu")[1]),  # type: ignore[index]
    "correlation as a parameter": (
        lambda: exact_dual(sympy.Symbol("rho", real=True) * X), "another name", lambda: exact_dual(sympy.Symbol("r", real=True) * X),
    ),
    "norm of one": (
        lambda: dual_series([1.0, 1.0], 3.0, other=[1.0, 1.0]), "pass both",
        lambda: dual_series([1.0, 1.0], 3.0, other=[1.0, 1.0], other_norm2=3.0),
    ),
    "Bessel": (lambda: dual_series([2.0, 2.0], 3.0), "the norm belongs to these", lambda: dual_series([1.0, 1.0], 3.0)),
    "lengths of two series": (
        lambda: dual_series([1.0, 1.0], 3.0, other=[1.0], other_norm2=3.0), "truncate the longer sequence",
        lambda: dual_series([1.0], 3.0, other=[1.0], other_norm2=3.0),
    ),
    "enclosure of NaN": (lambda: Enclosure(math.nan, 0), "enclose it anew", lambda: to_enclosure(arb(1) / 3, 10)),  # type: ignore[arg-type]
    "symbol in an enclosure": (
        lambda: enclosed("tanh", 1).contains(a), "substitute the symbols", lambda: enclosed("tanh", 1).contains(sympy.pi),
    ),
    "another x": (
        lambda: exact_coefficients(sympy.Symbol("x"), 2), "hermite_eq.hermite.X", lambda: exact_coefficients(hermite.X, 2),
    ),
    "average over the phase": (
        lambda: tail(sympy.erf(X)).residual2, "sum the first terms c_k²/k!",  # type: ignore[union-attr]
        lambda: sum(c**2 / math.factorial(j) for j, c in enumerate(double("erf", 9))),
    ),
    "general formula, small k": (
        lambda: general_coefficient(sympy.Max(X, 0))(0), "take this coefficient from exact_coefficients",  # type: ignore[misc]
        lambda: exact_coefficients(sympy.Max(X, 0), 0),
    ),
    "k as a parameter": (
        lambda: general_coefficient(sympy.Symbol("k", integer=True, nonnegative=True) * sympy.Max(X, 0)), "another name",
        lambda: general_coefficient(sympy.Symbol("s", real=True) * sympy.Max(X, 0)),
    ),
    "decay with a parameter": (
        lambda: exact_coefficients(sympy.exp(b * X**2), 2), "Symbol('b', positive=True)",
        lambda: exact_coefficients(sympy.exp(-sympy.Symbol("b", positive=True) * X**2), 2),
    ),
    "growth beyond the density": (
        lambda: exact_coefficients(sympy.exp(X**2), 2), "keep exp(b*x**2) to b < 1/4", lambda: exact_coefficients(sympy.exp(X**2 / 5), 2),
    ),
    "growth on an interval": (
        lambda: exact_coefficients(sympy.exp(X**2), 2), "restrict it to a bounded interval",
        lambda: double(sympy.Piecewise((sympy.exp(X**2), sympy.Abs(X) < 1), (0, True))),
    ),
    "no last branch": (
        lambda: exact_coefficients(sympy.Piecewise((X, X > 0)), 2), "add a last branch (value, True)",
        lambda: exact_coefficients(sympy.Piecewise((X, X > 0), (0, True)), 2),
    ),
    "sign of a parameter": (
        lambda: exact_coefficients(sympy.Max(a * X**2 - 1, 0), 2), "Symbol('a', positive=True)",
        lambda: exact_coefficients(sympy.Max(sympy.Symbol("a", positive=True) * X**2 - 1, 0), 2),
    ),
    "factorials of doubles": (
        lambda: hermite.orthonormal(np.ones(200)), "pass 171 of them, or exact ones",  # type: ignore[arg-type]
        lambda: (hermite.orthonormal(np.ones(171)), hermite.orthonormal([sympy.Integer(1)] * 200)),  # type: ignore[arg-type]
    ),
    "radii": (
        lambda: latex.hermite_sum([1.0, 2.0], radius=[0.1]), "pass sequences of equal length",
        lambda: latex.hermite_sum([1.0, 2.0], radius=[0.1, 0.1]),
    ),
    "table with a parameter": (
        lambda: latex.coefficient_table([a, 1.5]), "substitute numbers for them first", lambda: latex.coefficient_table([2, 1.5]),
    ),
    "columns": (lambda: latex.side_by_side([("relu",)]), '[("relu", [0, 1]), …]', lambda: latex.side_by_side([("relu", [0, 1])])),  # type: ignore[list-item]
    "radii of columns": (
        lambda: latex.side_by_side([("relu", [0, 1])], radii=[None, None]), "pass radii=None",
        lambda: latex.side_by_side([("relu", [0, 1])], radii=None),
    ),
    "columns of one length": (
        lambda: latex.side_by_side([("relu", [0, 1]), ("tanh", [0])]), "ask for the same degree of each",
        lambda: latex.side_by_side([("relu", [0, 1]), ("tanh", [0, 1])]),
    ),
    # square integrability
    "a pole of an exponential": (lambda: double("exp(1/abs(x))"), "poles are weaker", lambda: double("abs(x)**(-1/4)")),
    "growth of an expression": (
        lambda: double("exp(x**2/2)*tanh(x)"), "more slowly than exp(x²/4)", lambda: double("exp(x**2/5)*tanh(x)"),
    ),
    "growth of a callable": (
        lambda: double(lambda x: np.exp(x**8)), "more slowly than exp(x²/4)", lambda: double(lambda x: np.exp(x * x / 9)),
    ),
    "growth of a callable, slower": (
        lambda: double(lambda x: np.exp(x * x / 4)), "more slowly than exp(x²/4)", lambda: double(lambda x: np.exp(x * x / 9)),
    ),
    "growth of a callable, late": (
        lambda: double(lambda x: np.exp(60 * x - 3600) * np.tanh(x)), "more slowly than exp(x²/4)",
        lambda: double(lambda x: np.exp(x * x / 9) * np.tanh(x)),
    ),
    "growth of a callable, wide arguments": (
        lambda: expansion.scaled_coefficients(lambda x: np.exp(x * x / 16), [8.0], 2), "more slowly than exp(x²/256)",
        lambda: expansion.scaled_coefficients(lambda x: np.exp(x * x / 1024), [8.0], 2),
    ),
    "growth that is not decided": (
        lambda: double("exp(loggamma(x**2 + 1)**2)"), "more slowly than exp(x²/4)", silent(lambda: double("loggamma(x**2 + 1)**2")),
    ),
    "a pole of a callable": (
        lambda: double(lambda x: 1 / np.abs(x)), "weaker than |x − a|^(−1/2)", silent(lambda: double(lambda x: np.abs(x) ** -0.25)),
    ),
    "a pole of a callable elsewhere": (
        lambda: double(lambda x: 1 / np.abs(x - 1.5), kinks=[1.5]), "weaker than |x − a|^(−1/2)",
        silent(lambda: double(lambda x: np.abs(x - 1.5) ** -0.25, kinks=[1.5])),
    ),
    "NaN between": (
        lambda: double(lambda x: np.where(np.abs(x - 0.111) < 0.01, np.nan, x)), "define it there", lambda: double(lambda x: 1.0 * x),
    ),
    "infinity between": (
        lambda: double(lambda x: np.abs(np.where(np.abs(x - 0.3) < 1e-3, 0.0, x - 0.3)) ** -0.25), "or bound the function",
        silent(lambda: double(lambda x: np.maximum(np.abs(x - 0.3), 1e-3) ** -0.25)),
    ),
    # arguments of another scale
    "a wide argument that oscillates": (
        lambda: argument_moments(activation("sin"), [0.0], [1e5]), "use smaller covariances",
        lambda: argument_moments(activation("sin"), [0.0], [10.0]),
    ),
    "a wide argument that oscillates, target": (
        lambda: argument_moments(activation("sin"), [0.0], [1e5]), "smooth in log|x| at infinity",
        lambda: argument_moments(activation("relu"), [0.0], [1e5]),
    ),
    "scale of an argument": (
        lambda: argument_moments(activation("relu"), [0.0], [-1.0]), "standard deviations > 0",
        lambda: argument_moments(activation("relu"), [0.0], [1.0]),
    ),
    "size of an argument": (
        lambda: argument_moments(activation("relu"), [0.0], [1e40]), "pass at most 1e+06",
        lambda: argument_moments(activation("relu"), [0.0], [1e5]),
    ),
    "moments at a pole": (
        lambda: argument_moments(activation("abs(x)**(-1/3)"), [0.0], [1.0]), "more slowly than the power −1/4",
        lambda: argument_moments(activation("abs(x)**(-1/5)"), [0.0], [1.0]),
    ),
    "moments of a steep target": (
        lambda: argument_moments(activation("exp(x**2/5)"), [0.0], [1.0]), "at most polynomial growth",
        lambda: argument_moments(activation("x**2/5"), [0.0], [1.0]),
    ),
    "moments of a target beyond doubles": (
        lambda: argument_moments(activation("exp(60*x)*tanh(x)"), [0.0], [1.0]), "at most polynomial growth",
        lambda: argument_moments(activation("60*x*tanh(x)"), [0.0], [1.0]),
    ),
    # enclosures
    "growth without a margin": (
        lambda: enclosed("exp(x**2/4)/(1 + x**2)"), "provably grows more slowly", lambda: enclosed("exp(x**2/5)/(1 + x**2)"),
    ),
    "digits of a tail": (  # of what is zero but near the ends, and odd: the panels there are few
        lambda: enclosed("exp(24996/100000*x**2)*sign(x)*(abs(x) > 990)", 0, 50), "ask for 18 digits fewer",
        lambda: enclosed("exp(24996/100000*x**2)*sign(x)*(abs(x) > 990)", 0, 32),
    ),
    "mass beyond every tail": (
        lambda: enclosed("exp(2000*x*tanh(x))"), "is within |x| < 1000", lambda: enclosed("exp(20*x*tanh(x) - 400)"),
    ),
    "oscillation at a point": (
        lambda: enclosed("x*sin(1/x)", 0), "ask for fewer digits", lambda: enclosed("x*sin(1/x)", 0, 1),
    ),
    "decades of a norm": (
        lambda: enclosed("exp(1000*tanh(x))"), "multiply the function by exp(-995)", lambda: enclosed("exp(1000*tanh(x) - 995)"),
    ),
    "a strong singularity": (
        lambda: enclosed("abs(x)**(-1/2)", 1), "weaker than |x − s|^(−1/2)", lambda: enclosed("abs(x)**(-1/4)", 1),
    ),
    "a singularity of many digits": (
        lambda: enclosed("abs(x)**(-2/5)", 1, 100), "ask for fewer digits", lambda: enclosed("abs(x)**(-2/5)", 1, 10),
    ),
    "a singularity of many digits, doubles": (
        lambda: enclosed("abs(x)**(-2/5)", 1, 100), "np.asarray(coefficients(…))", lambda: double("abs(x)**(-2/5)", 1),
    ),
    "at the end of an enclosure": (
        lambda: Enclosure(Decimal("0.5"), Decimal(0)).contains(sympy.sin(1) ** 2 + sympy.cos(1) ** 2 - sympy.Rational(1, 2)),
        "widen the interval",
        lambda: Enclosure(Decimal("0.5"), Decimal("1e-30")).contains(sympy.sin(1) ** 2 + sympy.cos(1) ** 2 - sympy.Rational(1, 2)),
    ),
    "complex number in an enclosure": (
        lambda: enclosed("tanh", 1).contains(1 + sympy.I), "take the real part",
        lambda: enclosed("tanh", 1).contains(sympy.re(1 + sympy.I)),
    ),
    "infinite number in an enclosure": (
        lambda: enclosed("tanh", 1).contains(1 / (sympy.sin(1) ** 2 + sympy.cos(1) ** 2 - 1)), "finite and real",
        lambda: enclosed("tanh", 1).contains(sympy.sin(1)),
    ),
    # kernels
    "a kernel near ±1": (
        lambda: h.dual_activation("exp(249*x**2/1000)*tanh(x)")(0.99), "|rho| at most 0.91",
        lambda: h.dual_activation("exp(249*x**2/1000)*tanh(x)")(0.91),
    ),
    "a kernel near ±1, at 1": (
        lambda: h.dual_activation("exp(249*x**2/1000)*tanh(x)")(0.99), "pass rho=1",
        lambda: h.dual_activation("exp(249*x**2/1000)*tanh(x)")(1.0),
    ),
    # latex
    "cases of a formula": (
        lambda: latex.general_coefficient([1]), "pass cases as a dict", lambda: latex.general_coefficient({"": sympy.Integer(1)}),  # type: ignore[arg-type]
    ),
    "degree that is no integer": (lambda: h.coefficients("relu", 1.5), "pass degree=0", lambda: h.coefficients("relu", degree=0)),  # type: ignore[arg-type]
    "infinity of a function that is not decided": (
        lambda: double("exp(10000*exp(-x**2)*loggamma(x**2 + 3))"), "which grows more slowly",
        silent(lambda: double("exp(10*exp(-x**2)*loggamma(x**2 + 3))")),
    ),
    "enclosure of a ball of NaN": (
        lambda: to_enclosure(arb("nan"), 10), "np.asarray(coefficients(…))", lambda: np.asarray(h.coefficients("relu")),
    ),
    "ends of an enclosure": (
        lambda: Enclosure("0.5", Decimal(0)), 'pass Decimal("0.5")', lambda: Enclosure(Decimal("0.5"), Decimal(0)),  # type: ignore[arg-type]
    ),
    "slope of a kernel": (lambda: h.dual_activation("sign").slope, "pass 'relu'", lambda: h.dual_activation("relu").slope),
    "no layers": (
        lambda: expansion.layer_kernel([]), 'pass activations=["relu", "tanh"]', lambda: expansion.layer_kernel(["relu", "tanh"]),
    ),
    "many layers": (lambda: expansion.layer_kernel(["relu"] * 101), "pass fewer", lambda: expansion.layer_kernel(["relu"] * 3)),
    "layer that vanishes": (
        lambda: expansion.layer_kernel(["0", "relu"]), "bias_variance > 0", lambda: expansion.layer_kernel(["0", "relu"], bias_variance=1),
    ),
    "parameter of a layer": (
        lambda: expansion.layer_kernel([activation(a * X)]), "put numbers in their place", lambda: expansion.layer_kernel([2 * X]),
    ),
    "variance of weights": (
        lambda: expansion.layer_kernel(["relu"], weight_variance=0), "pass weight_variance=1",
        lambda: expansion.layer_kernel(["relu"], weight_variance=1),
    ),
    "variance of biases": (
        lambda: expansion.layer_kernel(["relu"], bias_variance="a"), "pass bias_variance=1",
        lambda: expansion.layer_kernel(["relu"], bias_variance=1),
    ),
    "kernel of a fractional power on an array of JAX": (
        lambda: h.dual_activation("abs(x)**(3/5)")(jax.numpy.ones(2)), "pass a NumPy array",
        lambda: h.dual_activation("abs(x)**(3/5)")(np.ones(2)),
    ),
    "degrees on two points": (
        lambda: expansion.gegenbauer_coefficients("relu", 1, 2), "pass degree=1", lambda: expansion.gegenbauer_coefficients("relu", 1, 1),
    ),
    "parameter on a sphere": (
        lambda: expansion.gegenbauer_coefficients(activation(a * X), 3), "put numbers in their place",
        lambda: expansion.gegenbauer_coefficients(2 * X, 3),
    ),
    "rough function on a sphere": (
        silent(lambda: expansion.gegenbauer_coefficients(lambda x: np.sign(x - 0.123), 5)), "declare its kinks",
        lambda: expansion.gegenbauer_coefficients(activation(lambda x: np.sign(x - 0.123), kinks=[0.123], name="step"), 5),
    ),
    "exponent of a parameter": (
        lambda: expansion.generative_exponent(activation(a * X)), "put numbers in their place",
        lambda: expansion.generative_exponent(2 * X),
    ),
    "exponent of a constant": (
        lambda: expansion.information_exponent("2"), "pass another function", lambda: expansion.information_exponent("x"),
    ),
}  # fmt: skip
