"""TeX: every symbol is defined where it is used, and the packages that are named suffice."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hermite_eq import Task
from hermite_eq.covariance import SymbolicTarget, covariance
from hermite_eq.latex import PACKAGES
from hermite_eq.models import Source, Spike, Toeplitz

DATA: dict[str, Any] = {
    "relu": lambda: covariance(Task("relu", noise=0.01)),
    "no noise": lambda: covariance(Task("tanh")),
    "symbolic noise": lambda: covariance(Task("gelu", 0.1, unit_inputs=True), symbolic_noise=True),
    "callable": lambda: covariance(Task(sources=[Source(np.tanh, 0.1, tasks="sphere")])),
    "any": lambda: covariance(SymbolicTarget()),
    "degree 1": lambda: covariance(SymbolicTarget(degree=1), unit_inputs=True),
    "relu, covariances": lambda: covariance(Task("relu", noise=0.01), covariances=True),
    "any, covariances": lambda: covariance(SymbolicTarget(), covariances=True, unit_inputs=True),
    "any, unit link": lambda: covariance(SymbolicTarget(), covariances=True, unit_link=True),
    "degree 2, unit link": lambda: covariance(SymbolicTarget(degree=2), covariances=True, unit_inputs=True, unit_link=True),
    "spike": lambda: covariance(Task(sources=[Source("tanh", 0.1, task_cov=Spike(5.0))])),
    "several": lambda: covariance(Task(sources=[Source("relu"), Source("sin", 0.1, input_cov=Toeplitz(0.5))]), source=1),
}


@cache
def _levels(name: str) -> list[tuple[str, str]]:
    cov = DATA[name]()
    levels = {"given": cov, "averaged": cov.averaged(), "over tasks": cov.over_tasks(), "limit": cov.limit()}
    if cov.data.isotropic:
        levels["norm law"] = cov.norm_law()
    return [(level, covariance.latex()) for level, covariance in levels.items()]


#: Letters, Greek letters and words, with an accent and the first subscript.
SYMBOL = r"(?:\\(?:bar|tilde|dot) ?)?(?:\\[a-z]+|[A-Za-z]|\\[A-Z][a-z]+)"
#: Commands that are no symbols.
STRUCTURE = {
    r"\begin", r"\end", r"\quad", r"\qquad", r"\left", r"\right", r"\frac", r"\tfrac", r"\sqrt", r"\top", r"\cdot", r"\dots", r"\le",
    r"\in", r"\sim", r"\simeq", r"\sum", r"\otimes", r"\mid", r"\to", r"\lim", r"\bigl", r"\bigr", r"\Bigl", r"\Bigr", r"\infty", r"\exp",
    r"\tanh", r"\sin", r"\cos", r"\max", r"\pi", r"\operatorname", r"\text", r"\mathbb", r"\mathcal", r"\mathrm",
}  # fmt: skip
#: Letters of the usual constants and of indices that run.
CONVENTIONS = {"e", "i", "j", "I", "O", "n"}


def _bare(tex: str) -> str:
    """Without comment, words, names of operators, environments, and the subscripts and indices of symbols."""
    tex = re.sub(r"^%.*\n", "", tex)
    tex = re.sub(r"\\(?:text|operatorname|mathbb|mathcal)\{[^{}]*\}|\\(?:begin|end)\{[\w*]+\}|\\\|_F", " ", tex)
    return tex


def _stem(symbol: str) -> str:
    return symbol.replace(" ", "")


def _used(tex: str) -> set[str]:
    bare = re.sub(r"\\mathrm\{He\}", "H", _bare(tex))
    symbols = {_stem(symbol) for symbol in re.findall(SYMBOL, bare)}
    return {symbol for symbol in symbols if symbol not in STRUCTURE and symbol not in CONVENTIONS}


def _defined(tex: str) -> set[str]:
    """Symbols on the left of a relation, arguments of a law, the dimensions of the inputs, and what words define."""
    symbols: set[str] = set()
    bare = re.sub(r"\\mathrm\{He\}", "H", re.sub(r"^%.*\n|\\begin\{align\*\}\n", "", tex, flags=re.MULTILINE))
    index = r"(?:_\{?[^ {}]*\}?)?(?:\^\*|\^\{?\(?[a-z0-9]\)?\}?)?(?:\(\\tau\))?"
    for row in bare.split(r"\\"):
        for part in re.split(r"\\q?quad|, (?=\\dots)", row):
            match = re.match(rf"[\s&,]*({SYMBOL}){index}\s*(?:&\s*)?(?:=|\\sim|\\in|\\text\{{)", part)
            if match:
                symbols.add(_stem(match[1]))
            for match in re.finditer(rf"({SYMBOL})(?:_\{{?\d+\}}?)? = ", part):
                symbols.add(_stem(match[1]))
            law = re.search(rf"\\mathcal\{{N\}}\(([^,]*), (?:\\tfrac\{{1\}}\{{d\}} )?({SYMBOL})", part)
            if law:
                symbols |= {_stem(law[2]), _stem(law[1])}
    if r"\text{ in } \mathbb{R}^d" in bare:
        symbols |= {"d", r"\ell"}
    if r"\xi_1, \dots, \xi_k &" in bare:
        symbols.add("k")
    if re.search(r"x_1, \\dots, x_\{\\ell\+1\} &\\sim", bare):
        symbols.add("x")
    if re.search(r"\\xi(?:, \\xi_1, \\dots, \\xi_k)? &", bare):
        symbols.add(r"\xi")
    if r"\sigma_*(\tau) &=" in bare:
        symbols.add(r"\tau")
    return symbols


@pytest.mark.parametrize("name", DATA)
def test_every_symbol_is_defined(name: str) -> None:
    for level, tex in _levels(name):
        assert _used(tex) - _defined(tex) == set(), (level, tex)


def test_a_definition_that_is_missing_is_found() -> None:
    tex = covariance(Task("relu", noise=0.01)).averaged().latex()
    for row, symbol in ((r"  z &= ", "z"), (r"  b &= ", "b"), (r"  \xi &", r"\xi"), (r"  h &= ", "h"), (r"  F &", "F")):
        left = "\n".join(line for line in tex.split("\n") if not line.startswith(row))
        assert symbol in _used(left) - _defined(left)


#: What the displays may use, by where it is defined.
COMMANDS = {
    "latex": STRUCTURE - {r"\tfrac", r"\text", r"\operatorname", r"\mathbb"}
    | {
        r"\bar",
        r"\dot",
        r"\tilde",
        r"\mathcal",
        r"\mathrm",
        r"\alpha",
        r"\beta",
        r"\kappa",
        r"\rho",
        r"\sigma",
        r"\tau",
        r"\xi",
        r"\eta",
        r"\mu",
        r"\nu",
        r"\varphi",
        r"\epsilon",
        r"\ell",
        r"\Sigma",
    },
    "amsmath": {r"\tfrac", r"\text", r"\operatorname"},
    "amssymb": {r"\mathbb"},
}
ENVIRONMENTS = {"amsmath": {"align*", "pmatrix"}}


def test_the_packages_named_suffice() -> None:
    assert set(PACKAGES) == COMMANDS.keys() - {"latex"}
    commands, environments, needed = set.union(*COMMANDS.values()), set.union(*ENVIRONMENTS.values()), set()
    for name in DATA:
        for level, tex in _levels(name):
            assert tex.split("\n")[0].endswith("needs " + ", ".join(PACKAGES))
            assert tex.isascii()
            used = set(re.findall(r"\\[A-Za-z]+", tex.split("\n", 1)[1]))
            assert used <= commands, (name, level, used - commands)
            assert set(re.findall(r"\\begin\{([^}]*)\}", tex)) <= environments
            needed |= {package for package in PACKAGES if used & COMMANDS[package]}
    assert needed == set(PACKAGES)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX on this machine")
def test_a_minimal_document_compiles(tmp_path: Path) -> None:
    displays = [tex for name in DATA for _, tex in _levels(name)]
    packages = "".join(rf"\usepackage{{{package}}}" for package in PACKAGES)
    body = "\n\n".join(displays)
    (tmp_path / "minimal.tex").write_text(
        rf"\documentclass{{article}}{packages}\allowdisplaybreaks\begin{{document}}{body}\end{{document}}", encoding="utf-8"
    )
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "minimal.tex"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout.decode()[-2000:]
