"""The equivalent model of a Transformer on a task: what it collects, what it says matters, and the theorem it prints."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import sympy

import hermite_eq
from hermite_eq import (
    HypothesisError,
    LinearTransformer,
    PolynomialActivation,
    RandomTransformer,
    Ratios,
    Sizes,
    Task,
    equivalent_model,
    equivalent_transformer,
)
from hermite_eq.covariance.averages import gamma_nodes
from hermite_eq.hermite import X

LIMIT = Ratios(alpha=1, kappa=0.5, tau=1.5, mu=1)


def _theorem(head: object, target: object, **options: object) -> hermite_eq.equivalence.EquivalentTransformer:
    return equivalent_transformer(RandomTransformer(head, ridge=1e-3), Task(target, noise=0.01), **options)  # type: ignore[arg-type]


def test_signal_and_noise_are_parsevals_parts() -> None:
    for target in ("relu", "tanh", "gelu", X**3 / 3 - X / 2):
        theorem = _theorem("relu", target)
        c = hermite_eq.coefficients(target, 1)
        total = float(c[0]) ** 2 + float(theorem.signal) ** 2 + float(theorem.noise)
        assert total == pytest.approx(float(c.norm2) + 0.01, rel=1e-13)
        assert float(theorem.label_square) == pytest.approx(float(c.norm2) + 0.01, rel=1e-15)
    assert _theorem("relu", "relu").noise == sympy.Rational(13, 50) - 1 / (2 * sympy.pi)


@pytest.mark.parametrize(
    ("head", "target", "degree", "c0", "c2"),
    [
        ("relu", "relu", 1, True, False),
        ("relu", "tanh", 1, False, False),
        ("centred_relu", "relu", 2, True, True),
        ("centred_relu", "tanh", 1, False, False),
        ("tanh", "relu", 1, True, False),
        (lambda x: np.maximum(x, 0), "relu", 1, True, False),
    ],
)
def test_the_terms_that_matter(head: object, target: object, degree: int, c0: bool, c2: bool) -> None:
    theorem = _theorem(head, target)
    assert (theorem.degree, theorem.relevant["c_0"], theorem.relevant["c_2"]) == (degree, c0, c2)
    assert theorem.relevant["c_1"]
    assert theorem.relevant["c_1*"]


def _with(c: tuple[float, ...], residual: float) -> RandomTransformer:
    return RandomTransformer(PolynomialActivation("test", c, residual), ridge=1e-3)


def test_relevance_is_what_the_theory_of_the_limit_sees() -> None:
    """Change one number of σ at fixed others: the limiting error moves exactly where the object says so."""

    def error(target: str, c: tuple[float, ...], residual: float) -> float:
        return hermite_eq.icl_error(_with(c, residual), Task(target, noise=0.01), LIMIT).icl

    # c_0 ≠ 0: its size does not matter, nor does c_2 beyond its share in c_1*.
    base = error("relu", (0.4, 0.5, 0.0), 0.3)
    assert error("relu", (0.8, 0.5, 0.0), 0.3) == pytest.approx(base, rel=1e-12)
    assert error("relu", (0.4, 0.5, 0.2), math.sqrt(0.09 - 0.02)) == pytest.approx(base, rel=1e-12)
    assert abs(error("relu", (0.4, 0.55, 0.0), 0.3) / base - 1) > 1e-4
    assert abs(error("relu", (0.4, 0.5, 0.0), 0.33) / base - 1) > 1e-4
    # c_0 = 0 and labels with a mean: c_2 matters.
    without = error("relu", (0.0, 0.5, 0.0), 0.3)
    assert abs(error("relu", (0.0, 0.5, 0.2), math.sqrt(0.09 - 0.02)) / without - 1) > 1e-4
    assert abs(without / base - 1) > 1e-2
    # Labels of mean zero: neither does.
    odd = error("tanh", (0.0, 0.5, 0.0), 0.3)
    assert error("tanh", (0.4, 0.5, 0.0), 0.3) == pytest.approx(odd, rel=1e-12)
    assert error("tanh", (0.0, 0.5, 0.2), math.sqrt(0.09 - 0.02)) == pytest.approx(odd, rel=1e-12)


@pytest.mark.parametrize("head", ["relu", "tanh", "centred_relu"])
def test_the_sufficient_degree_has_the_error_of_the_activation(head: str) -> None:
    theorem = _theorem(head, "relu")
    original = hermite_eq.icl_error(theorem.model, theorem.task, LIMIT).icl
    equivalent = hermite_eq.icl_error(theorem.transformer, theorem.task, LIMIT).icl
    assert equivalent == pytest.approx(original, rel=1e-9)


def test_degree_one_is_not_enough_where_c0_vanishes() -> None:
    theorem = _theorem("centred_relu", "relu", degree=1)
    check = theorem.hypotheses[5]
    assert (check.statement, check.holds) == (r"r = 1 \text{ suffices}", False)
    original = hermite_eq.icl_error(theorem.model, theorem.task, LIMIT).icl
    assert abs(hermite_eq.icl_error(theorem.transformer, theorem.task, LIMIT).icl / original - 1) > 0.01


def test_hypotheses_are_checked_one_by_one() -> None:
    def states(theorem: hermite_eq.equivalence.EquivalentTransformer) -> list[bool | None]:
        return [h.holds for h in theorem.hypotheses]

    assert states(_theorem("relu", "tanh", where=LIMIT)) == [True] * 8
    assert states(_theorem("exp", "relu", where=LIMIT))[0] is False
    assert states(_theorem("relu", "heaviside", where=LIMIT))[1] is False
    assert states(_theorem(np.arctan, "relu", where=LIMIT))[0] is None
    assert states(_theorem(lambda x: x**3, "relu", where=LIMIT))[0] is False
    assert states(_theorem("relu", "abs", where=LIMIT))[6] is False
    assert "even" in _theorem("relu", "abs").hypotheses[6].finding
    assert states(_theorem("relu", "relu"))[7] is None
    assert "1 hypotheses fail" in str(_theorem("exp", "relu"))


def test_too_high_a_degree_for_this_d_is_said() -> None:
    sizes = Sizes.from_ratios(40, alpha=1, kappa=0.5, tau=1.5, mu=1)
    assert _theorem("relu", "relu", where=sizes, degree=2).hypotheses[-1].holds is True
    assert _theorem("relu", "relu", where=sizes, degree=6).hypotheses[-1].holds is False
    normalised = equivalent_transformer(RandomTransformer("relu", 1e-3, normalise=True), Task("relu", 0.01), sizes, degree=6)
    assert normalised.hypotheses[-1].holds is True


def test_the_inflation_is_that_of_the_degree_and_the_norm() -> None:
    """E He_r(sg)²/r! over the gamma law of s² with variance C/d, by quadrature, at rate 1/d."""
    theorem = _theorem("relu", "relu", degree=4)
    gaps = []
    for d in (2000, 4000):
        constant = theorem.covariance.norm_law().numeric(alpha=1)["variance"]
        s2, weights = gamma_nodes(d / constant, 8)
        g, w = np.polynomial.hermite_e.hermegauss(12)
        w = w / w.sum()
        he4 = np.polynomial.hermite_e.HermiteE.basis(4)(np.sqrt(s2)[:, None] * g)
        gaps.append(float(weights @ (he4**2 @ w)) / math.factorial(4) - 1 - theorem.inflation(d, d))
        assert theorem.inflation(d, d) > 0
    assert math.log2(gaps[1] / gaps[0]) == pytest.approx(-2, abs=0.1)


def test_the_theorem_prints_statement_constants_and_hypotheses() -> None:
    theorem = _theorem("relu", "tanh", where=LIMIT)
    shown = theorem.latex()
    assert shown == theorem.latex()
    assert shown.isascii()
    assert r"\begin{theorem}[Equivalent model]" in shown
    assert theorem.head.latex() in shown
    assert r"$c_0$ & $\frac{1}{\sqrt{2 \pi}} \approx 0.398942$ \\" in shown
    assert r"$a_1$ & $0.605706$ \\" in shown
    assert r"$\sigma \text{ is Lipschitz}$ & holds & $\operatorname{Lip} = 1$ \\" in shown
    assert r"$\ell/d = 1,\ k/d = 0.5,\ n/d^2 = 1.5,\ m/d^2 = 1$" in shown
    for environment in ("theorem", "tabular", "center"):
        assert shown.count(rf"\begin{{{environment}}}") == shown.count(rf"\end{{{environment}}}") > 0
    assert r"\textbf{fails}" in _theorem("exp", "relu").latex()


def test_notebooks_show_display_math_without_environments() -> None:
    theorem = _theorem("relu", "tanh", where=LIMIT)
    shown = theorem._repr_latex_()
    assert shown.startswith("$$")
    assert shown.endswith("$$")
    assert set(re.findall(r"\\begin\{(\w+)\}", shown)) == {"array"}
    for part in (theorem.head.latex(), r"c_0 = \frac{1}{\sqrt{2 \pi}} \approx 0.398942", r"a_1 = 0.605706", r"\sigma \text{ is Lipschitz}"):
        assert part in shown


def test_an_expression_is_shown_as_such() -> None:
    assert r"\max\left(0, x - \frac{1}{3}\right)" in _theorem(sympy.Max(X - sympy.Rational(1, 3), 0), "relu").latex()


def test_errors_name_the_hypothesis() -> None:
    task = Task("relu")
    with pytest.raises(HypothesisError, match="replaces the activation of a random head; found linear"):
        equivalent_transformer(LinearTransformer(1e-3), task)  # type: ignore[arg-type]
    with pytest.raises(HypothesisError, match="replaces the activation of a random head; found relu, r = 1"):
        equivalent_transformer(RandomTransformer(equivalent_model("relu"), 1e-3), task)
    with pytest.raises(HypothesisError, match="the labels come from a Task; found str"):
        equivalent_transformer(RandomTransformer("relu", 1e-3), "relu")  # type: ignore[arg-type]
    with pytest.raises(HypothesisError, match=r"the regime is given by Ratios or Sizes; found 1\.0"):
        equivalent_transformer(RandomTransformer("relu", 1e-3), task, 1.0)  # type: ignore[arg-type]
    with pytest.raises(HypothesisError, match="degree is a non-negative integer"):
        equivalent_transformer(RandomTransformer("relu", 1e-3), task, degree=-1)


def test_replacing_the_task_keeps_the_record_frozen() -> None:
    theorem = _theorem("relu", "relu")
    other = replace(theorem, task=Task("tanh", noise=0.01))
    assert other.signal != theorem.signal
