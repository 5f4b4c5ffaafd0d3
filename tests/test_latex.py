"""Golden TeX, and decimals that promise only what they hold."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Integer, Rational, exp, pi, sqrt

from hermite_eq import HypothesisError, RandomTransformer, Ratios, Task, coefficients, equivalent_model, equivalent_transformer
from hermite_eq.covariance import SymbolicTarget, covariance
from hermite_eq.latex import (
    NORMALISATION,
    coefficient_table,
    decimal,
    exact,
    expansion_align,
    general_coefficient,
    hermite_sum,
    latex,
    number,
    side_by_side,
)
from hermite_eq.models import Source, Spike


@pytest.mark.parametrize(
    ("value", "tex"),
    [
        (Integer(3), "3"),
        (0, "0"),
        (Fraction(-1, 3), r"- \frac{1}{3}"),
        (1 / sqrt(2 * pi), r"\frac{1}{\sqrt{2 \pi}}"),
        (-sqrt(2) / (48 * sqrt(pi)), r"- \frac{1}{24 \sqrt{2 \pi}}"),
        (sqrt(2) / 3, r"\frac{\sqrt{2}}{3}"),
        (sqrt(Rational(1, 4) - 1 / (2 * pi)), r"\sqrt{\frac{1}{4} - \frac{1}{2 \pi}}"),
        (exp(-2) * sympy.erf(1), r"\frac{\operatorname{erf}{\left(1 \right)}}{e^{2}}"),
        (sympy.Symbol("a") / 2, r"\frac{a}{2}"),
        (sympy.hermite_prob(sympy.Symbol("k") - 2, sqrt(2)), r"\mathrm{He}_{k - 2}\left(\sqrt{2}\right)"),
        (0.5, "0.500000"),
        (np.float64(-0.1), "-0.100000"),
        (sympy.Float("0.25", 40), "0.250000"),
        (mpmath.mpf(1) / 3, "0.333333"),
        (0.0, "0"),
        (1e-7, r"1.00000 \times 10^{-7}"),
        (-1234567.0, r"-1.23457 \times 10^{6}"),
        (123456.0, "123456"),
        (0.9999999, "1.00000"),
    ],
    ids=str,
)
def test_number(value: Any, tex: Any) -> None:
    assert number(value) == tex


@pytest.mark.parametrize(
    ("value", "radius", "digits", "tex"),
    [
        (0.3989422804014327, 1e-4, 8, "0.399"),
        (0.3989422804014327, 1e-9, 8, "0.39894228"),
        (0.25, 0.5**40, 6, "0.250000"),
        (0.9995, 0.001, 6, "1.0"),
        (3e-8, 4.5e-8, 6, r"3 \times 10^{-8} \pm 5 \times 10^{-8}"),
        (0.0, 1e-3, 6, r"0 \pm 0.002"),
    ],
)
def test_certified_digits(value: Any, radius: Any, digits: Any, tex: Any) -> None:
    assert decimal(value, radius=radius, digits=digits) == tex


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-6),
    st.floats(0, 1e-2),
    st.floats(-1, 1),
    st.integers(1, 12),
)
def test_every_digit_shown_is_a_digit_of_the_truth(value: Any, relative: Any, place: Any, digits: Any) -> None:
    radius = abs(value) * relative
    # The truth anywhere in the interval, in exact arithmetic.
    truth = Fraction(value) + Fraction(place) * Fraction(radius)
    text = decimal(value, radius=radius, digits=digits)
    if r"\pm" in text:
        middle, spread = (as_fraction(part) for part in text.split(r" \pm "))
        assert abs(truth - middle) <= spread
    else:
        # Correct rounding: at most half a unit of the last digit.
        assert abs(truth - as_fraction(text)) <= last_unit(text) / 2


def as_fraction(text: str) -> Fraction:
    mantissa, _, power = text.partition(r" \times 10^{")
    return Fraction(mantissa) * Fraction(10) ** int(power.rstrip("}") or 0)


def last_unit(text: str) -> Fraction:
    mantissa, _, power = text.partition(r" \times 10^{")
    decimals = len(mantissa.partition(".")[2])
    return Fraction(10) ** (int(power.rstrip("}") or 0) - decimals)


RELU = [1 / sqrt(2 * pi), Rational(1, 2), 1 / sqrt(2 * pi), Integer(0), -1 / sqrt(2 * pi)]


@pytest.mark.parametrize(
    ("c", "tex"),
    [
        (
            RELU,
            r"\frac{1}{\sqrt{2 \pi}} + \frac{1}{2}\, \mathrm{He}_{1}(x) + \frac{1}{2 \sqrt{2 \pi}}\, "
            r"\mathrm{He}_{2}(x) "
            r"- \frac{1}{24 \sqrt{2 \pi}}\, \mathrm{He}_{4}(x)",
        ),
        ([0, 1, 0, -6], r"\mathrm{He}_{1}(x) - \mathrm{He}_{3}(x)"),
        ([0, -1], r"-\mathrm{He}_{1}(x)"),
        ([Integer(-2)], "-2"),
        ([], "0"),
        ([0, 0.0], "0"),
        ([1, sqrt(2) + 1], r"1 + \left(1 + \sqrt{2}\right)\, \mathrm{He}_{1}(x)"),
        ([0.25, -0.5, 0.0, 6.0], r"0.250000 - 0.500000\, \mathrm{He}_{1}(x) + 1.00000\, \mathrm{He}_{3}(x)"),
        ([0, Fraction(1, 3), 0, 2], r"\frac{1}{3}\, \mathrm{He}_{1}(x) + \frac{1}{3}\, \mathrm{He}_{3}(x)"),
        ([np.float64(-0.1)], "-0.100000"),
        ([sympy.Symbol("a"), -sympy.Symbol("a")], r"a - a\, \mathrm{He}_{1}(x)"),
    ],
    ids=str,
)
def test_hermite_sum(c: Any, tex: Any) -> None:
    assert hermite_sum(c) == tex


def test_hermite_sum_in_another_variable_and_precision() -> None:
    assert hermite_sum([0.125, 1.0], digits=2, variable="z") == r"0.12 + 1.0\, \mathrm{He}_{1}(z)"


def test_expansion_align() -> None:
    assert expansion_align(RELU, symbol=r"\mathrm{ReLU}", per_line=2, provenance="exact engine\ndegree 4") == (
        f"% {NORMALISATION}\n"
        "% exact engine\n"
        "% degree 4\n"
        "\\begin{align*}\n"
        "  \\mathrm{ReLU}(x) &= \\frac{1}{\\sqrt{2 \\pi}} + \\frac{1}{2}\\, \\mathrm{He}_{1}(x) \\\\\n"
        "    &\\quad + \\frac{1}{2 \\sqrt{2 \\pi}}\\, \\mathrm{He}_{2}(x) - \\frac{1}{24 \\sqrt{2 "
        "\\pi}}\\, \\mathrm{He}_{4}(x) + \\cdots\n"
        "\\end{align*}"
    )


def test_coefficient_table() -> None:
    assert coefficient_table([*RELU[:3], 0.1], radius=[0, 0, 0, 1e-3], digits=5, caption="ReLU", label="tab:relu") == (
        f"% {NORMALISATION}\n"
        "\\begin{table}\n"
        "\\centering\n"
        "\\begin{tabular}{rlll}\n"
        "  \\toprule\n"
        "  $k$ & $c_k$ & $c_k$ (rounded) & $c_k/k!$ (rounded) \\\\\n"
        "  \\midrule\n"
        "  0 & $\\frac{1}{\\sqrt{2 \\pi}}$ & $0.39894$ & $0.39894$ \\\\\n"
        "  1 & $\\frac{1}{2}$ & $0.50000$ & $0.50000$ \\\\\n"
        "  2 & $\\frac{1}{\\sqrt{2 \\pi}}$ & $0.39894$ & $0.19947$ \\\\\n"
        "  3 & --- & $0.1$ & $0.017$ \\\\\n"
        "  \\bottomrule\n"
        "\\end{tabular}\n"
        "\\caption{ReLU}\n"
        "\\label{tab:relu}\n"
        "\\end{table}"
    )


def test_a_table_of_floats_has_no_exact_column() -> None:
    assert r"$k$ & $c_k$ (rounded) & $c_k/k!$ (rounded) \\" in coefficient_table([0.5, 0.25])


def test_general_coefficient() -> None:
    k = sympy.Symbol("k", integer=True)
    cases = {"k even": (-1) ** (k / 2), "k odd": Integer(0)}
    assert general_coefficient(cases, valid_from=1) == (
        r"c_k = \begin{cases} \left(-1\right)^{\frac{k}{2}}, & k \text{ even}, \\ 0, & k \text{ odd}, "
        r"\end{cases} \qquad k \ge 1"
    )


def test_half_integers_of_an_integer_symbol_are_fractions() -> None:
    k = sympy.Symbol("k", integer=True)
    assert exact(2 ** (k / 2 - Rational(1, 2))) == r"2^{\frac{k - 1}{2}}"
    assert exact(sympy.Symbol("a") / 2 + Rational(1, 2)) == r"\frac{a}{2} + \frac{1}{2}"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: number(float("nan")),
            "a number to be printed is finite; found value=nan. Repair: find out why it is not",
        ),
        (
            lambda: decimal(1.0, radius=float("inf")),
            "a number to be printed is finite; found 1.0 ± inf. Repair: find out why it is not",
        ),
        (
            lambda: decimal(1.0, digits=0),
            "at least one digit is printed; found digits=0. Repair: pass digits=1 or more",
        ),
        (
            lambda: expansion_align([1], per_line=0),
            "a line has at least one term; found per_line=0. Repair: pass per_line=1 or more",
        ),
        (
            lambda: coefficient_table([sympy.Symbol("a")]),
            "a table of rounded values has numbers only; found the parameters a in c_0. Repair: substitute numbers for them first",
        ),
        (
            lambda: coefficient_table([1, 2], radius=[0]),
            "every coefficient has one radius; found 1 radii of 2 coefficients. Repair: pass sequences of equal length",
        ),
    ],
)
def test_messages(call: Any, message: Any) -> None:
    with pytest.raises(HypothesisError) as raised:
        call()
    assert str(raised.value) == message


def test_no_form_shows_digits_of_a_callable_that_are_rounding() -> None:
    c = coefficients(np.tanh, 3)
    assert 0 < abs(c.c[0]) < c.errors[0]
    uncertain = decimal(c.c[0], radius=c.errors[0])
    assert r"\pm" in uncertain
    for shown in (latex([c]), c.latex("table")):
        assert rf"0 & ${uncertain}$" in shown
    size = decimal(abs(c.c[0]), radius=c.errors[0])
    for shown in (latex(c), c.latex("align")):
        assert rf"\left({size}\right)" in shown


def test_the_law_of_the_inputs_is_that_of_the_source() -> None:
    def shown(mean: float) -> str:
        return latex(covariance(Task(sources=[Source("relu", input_mean=mean, input_cov=Spike(2.0))], unit_inputs=True)))

    assert r"x_1, \dots, x_{\ell+1} &\sim \mathcal{N}(0, \Sigma_x) \text{ in } \mathbb{R}^d" in shown(0.0)
    assert r"x_1, \dots, x_{\ell+1} &\sim \mathcal{N}(\mu, \Sigma_x) \text{ in } \mathbb{R}^d" in shown(0.5)


# TeX of every kind of object, pinned by a file that was read once on the page; ``python -m tests.test_latex`` renews it.


FILE = Path(__file__).with_name("latex_golden.tex")
#: What begins the TeX of an object; none has a line like it.
TITLE = "%%%% "
WHERE = Ratios(alpha=1, kappa=0.5, tau=1.5, mu=1)


def _relu(**conventions: Any) -> Task:
    return Task("relu", noise=0.01, **conventions)


GOLDEN: dict[str, Callable[[], str]] = {
    "expansion_relu": lambda: latex(coefficients("relu", 4)),
    "side_by_side": lambda: latex([coefficients(name, 6) for name in ("relu", "tanh", "gelu")]),
    "model_relu": lambda: latex(equivalent_model("relu", 2)),
    "theorem_relu_tanh": lambda: latex(equivalent_transformer(RandomTransformer("relu", 1e-8), Task("tanh", 0.01), WHERE)),
    "theorem_centred_relu": lambda: latex(equivalent_transformer(RandomTransformer("centred_relu", 1e-8), _relu())),
    "covariance_given": lambda: latex(covariance(_relu())),
    "covariance_given_unit": lambda: latex(covariance(_relu(unit_inputs=True))),
    "covariance_averaged": lambda: latex(covariance(_relu()).averaged()),
    "covariance_symbolic_noise": lambda: latex(covariance(_relu(), symbolic_noise=True).averaged()),
    "covariance_averaged_any_target": lambda: latex(covariance(SymbolicTarget()).averaged(1)),
    "covariance_over_tasks": lambda: latex(covariance(_relu()).over_tasks()),
    "covariance_limit": lambda: latex(covariance(_relu()).limit()),
    "source_given": lambda: latex(covariance(_relu(), covariances=True)),
    "source_given_centred_unit": lambda: latex(
        covariance(Task(sources=[Source("gelu", 0.01, task_cov=Spike(9.0))], unit_inputs=True, unit_link=True))
    ),
    "source_averaged_any_target": lambda: latex(covariance(SymbolicTarget(), covariances=True).averaged(1)),
    "source_averaged_unit": lambda: latex(covariance(_relu(unit_inputs=True, unit_link=True), covariances=True).averaged(1)),
    "source_over_tasks": lambda: latex(covariance(Task("tanh", 0.01), covariances=True).over_tasks()),
    "source_limit_unit": lambda: latex(covariance(_relu(unit_inputs=True, unit_link=True), covariances=True).limit()),
    "norm_law": lambda: latex(covariance(_relu()).norm_law()),
    "norm_law_unit_any_target": lambda: latex(covariance(SymbolicTarget(), unit_inputs=True).norm_law()),
}


def reviewed() -> dict[str, str]:
    parts = FILE.read_text(encoding="utf-8").split(TITLE)[1:]
    return {name: tex.removesuffix("\n") for name, tex in (part.split("\n", 1) for part in parts)}


@pytest.mark.parametrize("name", GOLDEN)
def test_tex_is_what_was_reviewed(name: str) -> None:
    shown = GOLDEN[name]()
    assert shown == reviewed()[name]
    assert shown.isascii()


def test_all_that_was_reviewed_is_compared() -> None:
    assert set(reviewed()) == set(GOLDEN)


def test_columns_have_one_length() -> None:
    with pytest.raises(HypothesisError, match=r"columns of one length; found lengths \[2, 3\]"):
        side_by_side([("a", [0, 1]), ("b", [0, 1, 2])])


def test_a_caption_makes_it_a_table() -> None:
    shown = side_by_side([("leaky_relu", [0, 1])], caption="Coefficients", label="tab:c")
    assert r"leaky\_relu" in shown
    assert shown.endswith("\\end{tabular}\n\\caption{Coefficients}\n\\label{tab:c}\n\\end{table}")


def test_what_cannot_be_typeset() -> None:
    with pytest.raises(HypothesisError, match=r"has a \.latex\(\), or is a sequence of Hermite expansions; found int 3"):
        latex(3)


if __name__ == "__main__":
    FILE.write_text("".join(f"{TITLE}{golden}\n{write()}\n" for golden, write in GOLDEN.items()), encoding="utf-8")
