"""Every derivation is reached, holds, and sees a wrong sign or factor; their document is complete, in plain TeX, and compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import sympy

import derivations
from derivations import Result, Step
from derivations.__main__ import checked, main, modules, table
from derivations.coefficients import exponents, gegenbauer_limit, layer_kernels, mehler
from derivations.contexts import context_law, given_weights, norm_law, softmax_context, task_averages
from derivations.document import CHAPTERS, document, reach_tex, write
from derivations.features import (
    conditional_coefficients,
    conditional_gaussianity,
    equivalent_coefficients,
    gaussian_preactivations,
    gradient_step,
)
from derivations.heads import layer_moments
from derivations.linear import bayes_context, dmmse, full_attention, ridgeless_limits, task_covariances, task_gap, wishart_density
from derivations.statistics import deviation_nulls, robust_mean_test, sequential_t_test
from hermite_eq.covariance import SymbolicTarget, covariance, symbols
from hermite_eq.expansion.kernels.dual import RHO
from hermite_eq.hermite import X

MODULES = modules()
#: Their checks take no argument to get wrong.
UNMUTATED = {
    "coefficient_decay",
    "context_norms",
    "dual_kernels",
    "error_function",
    "gaussian_exponentials",
    "head_moments",
    "jump_formula",
    "linear_attention",
    "linear_error",
    "marchenko_pastur",
    "random_features",
    "trapezoid_error",
}
rho, y = sympy.symbols("rho y", real=True)
kappa = sympy.Symbol("kappa", positive=True)
B, d, t = sympy.symbols("B d t", positive=True)


def test_every_file_is_reached_and_has_its_chapter() -> None:
    files = {(path.parent.name, path.stem) for path in Path(derivations.__file__).parent.glob("*/*.py")}
    files = {place for place in files if place[1] != "__init__"}
    assert {tuple(module.__name__.split(".")[1:]) for module in MODULES} == files
    assert {(folder, name) for folder, _, names in CHAPTERS for name in names} == files


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_derivation_says_what_it_proves(module: ModuleType) -> None:
    assert module.STATEMENT.strip()
    assert module.ASSUMPTIONS
    for name in ("TITLE", "STATEMENT_TEX", "ASSUMPTIONS_TEX"):
        text = getattr(module, name)
        assert text.strip(), name
        assert text.isascii(), name


# The document, before the mutations: of what does not depend on one, they find the steps known.


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [checked(module) for module in modules()]


@pytest.fixture(scope="module")
def text(results: list[Result]) -> str:
    return document(results)


def test_every_derivation_holds_and_is_in_the_document(results: list[Result], text: str) -> None:
    failed = [result for result in results if not result.holds]
    assert not failed, [(result.name, [step.reason for step in result.steps if not step.holds] or result.failure) for result in failed]
    assert text.isascii()
    for result in results:
        assert rf"\subsection{{{result.module.TITLE}}}" in text
        assert result.steps
        assert result.module.STATEMENT
        assert result.module.ASSUMPTIONS
        for step in result.steps:
            assert step.tex, step.reason
            assert step.tex in text
            assert reach_tex(step.reach) in text


def test_environments_and_braces_close(text: str) -> None:
    opened = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")


def test_an_unknown_sign_is_an_error() -> None:
    with pytest.raises(ValueError, match="no TeX for"):
        reach_tex("all ℵ")


def test_the_command_writes_it(tmp_path: Path) -> None:
    assert main(["mehler", "--tex", str(tmp_path / "paper")]) == 0
    written = (tmp_path / "paper" / "derivations.tex").read_text(encoding="utf-8")
    assert written.endswith("\\end{document}\n")
    # It depends on the results alone.
    assert written == document([checked(mehler)])


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_it_compiles_without_a_visible_flaw(results: list[Result], tmp_path: Path) -> None:
    path = write(tmp_path, results)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name]
    for _ in range(2):
        log = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
        assert log.returncode == 0, log.stdout[-2000:]
    assert (tmp_path / "derivations.pdf").exists()
    assert not re.search(r"Overfull|undefined|multiply defined", log.stdout), log.stdout


def _norm_law(change: Callable[[sympy.Expr], sympy.Expr]) -> dict[str, sympy.Expr]:
    return {"variance": change(covariance(SymbolicTarget()).norm_law().entries["variance"])}


_PHI = 1 - task_covariances.gamma * task_covariances.c / (task_covariances.c + task_covariances.psi)
_BELOW, _ABOVE = (ridgeless_limits.inverse_root(t) for t in (ridgeless_limits.tau, sympy.Integer(1)))

MUTATIONS: list[tuple[str, Callable[[], list[Step]]]] = [
    (
        "Mehler's exponent with the sign of ρ²(x²+y²) wrong",
        lambda: mehler.check((2 * rho * X * y + rho**2 * (X**2 + y**2)) / (2 * (1 - rho**2))),
    ),
    ("Mehler's exponent without the 2 in the denominator", lambda: mehler.check((2 * rho * X * y - rho**2 * (X**2 + y**2)) / (1 - rho**2))),
    ("κ + ρκ", lambda: [layer_kernels._one_layer(lambda kernel: kernel * (1 + RHO))]),
    ("a_k² with k + d − 2", lambda: [gegenbauer_limit._recurrence(lambda k, d: k * (k + d - 2) / ((2 * k + d - 2) * (2 * k + d - 4)))]),
    ("weights 1/(1 − x²)²", lambda: [exponents._weights(lambda x: 1 / x**2)]),
    ("c_1 for c_1/s", lambda: layer_moments._isserlis(lambda c1, s: c1)),
    ("μ_{j+1} = (2/d)(…)", lambda: task_averages.check(recurrence=lambda mu, before, j: 2 / symbols.d * (mu + before))),
    ("μ_{j+1} = (2j/d)(μ_j − μ_{j−1})", lambda: task_averages.check(recurrence=lambda mu, before, j: 2 * j / symbols.d * (mu - before))),
    ("θm_k = m_k + m_{k+2}", lambda: task_averages.check(ladder=lambda k, moment, above: moment + above)),
    ("θm_k = k m_k − m_{k+2}", lambda: task_averages.check(ladder=lambda k, moment, above: k * moment - above)),
    ("w for w²", lambda: softmax_context.check(powers=1)),
    ("E rBy · 1.05", lambda: softmax_context.check(factor=1.05)),
    ("C + 1", lambda: norm_law.check(_norm_law(lambda C: C + 1))),
    ("C · 1.05", lambda: norm_law.check(_norm_law(lambda C: sympy.Rational(21, 20) * C))),
    ("C c₄/(4d)", lambda: gaussian_preactivations.check(4)),
    ("−C c₄/(8d)", lambda: gaussian_preactivations.check(-8)),
    ("‖b‖⁴/t²", lambda: conditional_gaussianity.check(B**2 / t**2)),
    ("2‖b‖⁴/(dt²)", lambda: conditional_gaussianity.check(2 * B**2 / (d * t**2))),
    ("c*² · 1.05", lambda: equivalent_coefficients.check(sympy.Rational(21, 20))),
    ("−c*²", lambda: equivalent_coefficients.check(-1)),
    ("ρ^k for ρ^{k−j}", lambda: conditional_coefficients.check(power=lambda k, j: k)),
    ("ω^{p+2}", lambda: conditional_coefficients.check(remainder_degree=2)),
    ("φ = 1 + γ⟨c/(c+ψ)⟩", lambda: task_covariances.check(2 - _PHI)),
    ("φ · 1.05", lambda: task_covariances.check(sympy.Rational(21, 20) * _PHI)),
    ("y + ŷ", lambda: gradient_step.check(sign=1)),
    ("a column of eigenvalues 1/d", lambda: gradient_step.check(block=-1)),
    ("ŷ of O(1)", lambda: gradient_step.check(answer=0)),
    ("no spike in E[yh]", lambda: gradient_step.check(aligned=-sympy.Rational(1, 2))),
    ("η = 2u/a₁²", lambda: bayes_context.check(2 * bayes_context.u / bayes_context.a2)),
    ("e · 1.05", lambda: bayes_context.check(factor=1.05)),
    ("Σp² = 1", lambda: dmmse.check(sympy.Integer(1))),
    ("I · 1.05", lambda: dmmse.check(factor=1.05)),
    ("d² + 3d + 2", lambda: full_attention.check(lambda d: d * (d + 3) + 2)),
    ("w(g) · 1.05", lambda: [ridgeless_limits._inverse(sympy.Rational(21, 20) * _BELOW, _ABOVE)]),
    ("1 − R/(R+q) for the square", lambda: ridgeless_limits._peak(sympy.Integer(1))),
    ("ρ · 1.05", lambda: wishart_density.check(lambda rho: sympy.Rational(21, 20) * rho)),
    ("−ρ", lambda: wishart_density.check(lambda rho: -rho)),
    ("M → κ", lambda: task_gap.check(kappa)),
    ("M → κ − 1", lambda: task_gap.check(kappa - 1)),
    ("0.45 n s² v", lambda: robust_mean_test.check(0.45)),
    ("no n s² v", lambda: robust_mean_test.check(0.0)),
    ("power without s²Δ²/2", lambda: robust_mean_test.check(square=0)),
    ("A^(−0.525)", lambda: sequential_t_test.check(0.525)),
    ("A^(−0.475)", lambda: sequential_t_test.check(0.475)),
    ("D · 1.05", lambda: deviation_nulls.check(factor=1.05)),
    ("E g⁴ = 2", lambda: deviation_nulls.check(three=2)),
]


@pytest.mark.parametrize(("what", "run"), MUTATIONS, ids=[what for what, _ in MUTATIONS])
def test_a_wrong_sign_or_factor_fails(what: str, run: Callable[[], list[Step]]) -> None:
    assert not all(step.holds for step in run()), what


def test_moments_see_five_per_cent_across_the_task() -> None:
    assert context_law._moments_agree(order=2)
    assert not context_law._moments_agree(stretch=Fraction(21, 20), order=2)


def test_moments_see_a_mean_forgotten() -> None:
    general: dict[str, Any] = {"order": 2, "factor": context_law.SHEAR, "mean": context_law.MEAN}
    assert not context_law._moments_agree(**general, represented_mean=(Fraction(0), Fraction(0)))
    assert not context_law._moments_agree(**general, stretch=Fraction(21, 20))


def test_moments_of_the_library_five_per_cent_off() -> None:
    assert not given_weights._library(unit_inputs=True, change=1.05)


def test_every_derivation_has_a_mutation_but_those_named() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.parent.rglob("*.py"))
    names = [module.__name__.rpartition(".")[2] for module in MODULES]
    assert {name for name in names if not re.search(rf"\b{name}\.(check\(|_)", tests)} == UNMUTATED


def _module(steps: list[Step] | None) -> Any:
    def check() -> list[Step]:
        if steps is None:
            raise ArithmeticError("no such identity")
        return steps

    return SimpleNamespace(__name__="derivations.sample", check=check, STATEMENT="1 = 1")


def test_a_failing_step_an_error_and_no_step_are_failures() -> None:
    good = Step("1 = 1", True, "all n")
    assert checked(_module([good])).holds
    assert not checked(_module([good, Step("1 = 2", False, "all n")])).holds
    assert not checked(_module([])).holds
    failed = checked(_module(None))
    assert not failed.holds
    assert "no such identity" in failed.failure


def test_the_table_counts_what_is_proved_and_what_is_not() -> None:
    steps = (Step("a", True, "all k"), Step("b", True, "k ≤ 12"), Step("c", True, "open"), Step("d", False, "all; k"))
    shown = table([Result(_module([]), steps, 0.1)]).splitlines()
    assert shown[1].split() == ["sample", "2", "1", "1", "1", "0.1"]
    assert shown[2].split()[:5] == ["total", "2", "1", "1", "1"]


def test_the_exit_status_and_the_steps(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["norm_law", "--steps"]) == 0
    assert "delta method" in capsys.readouterr().out
    monkeypatch.setattr(norm_law, "check", lambda: [Step("1 = 2", False, "all n")])
    assert main(["norm_law"]) == 1
    assert "FAILED norm_law: 1 = 2" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["lemma_7"])
