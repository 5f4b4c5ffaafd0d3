"""The symbols of a covariance in TeX, each with its definition: a display takes those that occur in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import sympy

from hermite_eq.hermite import X
from hermite_eq.latex.numbers import exact
from hermite_eq.latex.tables import escaped

#: The packages that the displays need, beside those of the document class.
PACKAGES = ("amsmath", "amssymb")
_ARGUMENT = sympy.Symbol("tau")
Law = Literal["isotropic", "sphere", "covariances"]
Level = Literal["given", "fresh", "training", "limit"]


@dataclass(frozen=True)
class Setting:
    r"""The data whose covariance is shown.

    Attributes
    ----------
    target : str
    expression : sympy.Expr or None
        The target in ``hermite_eq.hermite.X``, where there is an expression.
    noise : sympy.Expr
        ρ, a number or the symbol.
    unit_inputs, unit_link : bool
        As in ``hermite_eq.models.Task``.
    law : {"isotropic", "sphere", "covariances"}
        Isotropic data with Gaussian tasks or tasks on the sphere, or data with covariances.
    centred : bool
        Inputs of mean zero.
    """

    target: str
    expression: sympy.Expr | None
    noise: sympy.Expr
    unit_inputs: bool
    unit_link: bool
    law: Law
    centred: bool

    @property
    def isotropic(self) -> bool:
        """Whether the covariances are multiples of I."""
        return self.law != "covariances"

    @property
    def input_covariance(self) -> str:
        """Cov(x)."""
        return ("" if self.unit_inputs else r"\tfrac{1}{d} ") + ("I_d" if self.isotropic else r"\Sigma_x")

    @property
    def inputs(self) -> str:
        """Cov(x), P where there are covariances."""
        return self.input_covariance if self.isotropic else "P"

    @property
    def image(self) -> str:
        """Cov(x) η."""
        return r"P \eta" if not self.isotropic else r"\tfrac{1}{\sqrt{d}} \xi" if self.unit_inputs else r"\tfrac{1}{d} \xi"

    @property
    def tasks(self) -> str:
        """The covariance of ξ, or what stands for it where the argument is normalised."""
        return r"\tilde\Sigma_\xi" if self.unit_link else r"\Sigma_\xi"

    def argument(self, index: str) -> str:
        """The target's argument at an input."""
        if not self.isotropic:
            return rf"\eta^\top x_{index}"
        return rf"\tfrac{{1}}{{\sqrt{{d}}}} \xi^\top x_{index}" if self.unit_inputs else rf"\xi^\top x_{index}"


def typeset(entry: sympy.Expr) -> sympy.Expr:
    """The entry with ``c_star_k``, ``mj_k``, ``t_1_1`` and ``t_0_2`` under the names that TeX prints."""
    forms = ((r"c_star_(\d+)", r"c_{\1}^{*}"), (r"m(\d+)_(\d+)", r"m_{\2}^{(\1)}"), (r"t_(\d)_(\d)", r"t_\1\2"))

    def name(shown: str) -> str:
        for form, tex in forms:
            shown = re.sub(rf"^{form}$", tex, shown)
        return shown

    return entry.xreplace({symbol: sympy.Symbol(name(symbol.name)) for symbol in entry.free_symbols})


def _normal(mean: str, variance: str) -> str:
    return rf"\mathcal{{N}}({mean}, {variance})"


def _target(data: Setting) -> str:
    if data.expression is None:
        known = data.target.isidentifier()
        return rf"\sigma_* &= \text{{{escaped(data.target)}}}" if known else r"\sigma_* & \text{ the target, a function on } \mathbb{R}"
    return rf"\sigma_*(\tau) &= {exact(typeset(data.expression.xreplace({X: _ARGUMENT})))}"


def _label(data: Setting, label: str, argument: str, noise: str) -> str:
    """A label with its noise, where there is any."""
    if data.noise == 0:
        return rf"{label} &= \sigma_*({argument})"
    return rf"{label} &= \sigma_*({argument}) + {noise}, \qquad {noise} \sim {_normal('0', exact(data.noise))}"


def _scales(data: Setting, level: Level) -> Iterator[tuple[str, str]]:
    """The scale of the argument and what is made of it."""
    if data.isotropic:
        yield "[su]", r"s &= \|\xi\| / \sqrt{d}, \qquad u = \xi / \|\xi\|"
        return
    yield r"m_\{\d\d\}(?!\^\{\()", rf"m_{{ij}} &= \tfrac{{1}}{{d}} \operatorname{{tr}} \Sigma_x^i {data.tasks}^j"
    yield r"t_\{11\}", r"t_{11} &= \tfrac{\operatorname{tr} P W^2}{s^2 \operatorname{tr} W}"
    yield r"t_\{02\}", r"t_{02} &= \tfrac{\operatorname{tr} W^2}{(\operatorname{tr} W)^2}"
    yield r"t_\{\d\}", r"t_n &= \operatorname{tr} (P W)^n / s^{2 n}"
    yield r"(?<!\\bar )r", r"r &= P \eta / s"
    yield r"m(?!_)", r"m &= \eta^\top \mu"
    square = {"given": r"\eta^\top P \eta", "limit": rf"\tfrac{{1}}{{d}} \operatorname{{tr}} \Sigma_x {data.tasks}"}
    yield "s", "s^2 &= " + square.get(level, r"\operatorname{tr} P W")


def _tasks(data: Setting, level: Level) -> Iterator[tuple[str, str]]:
    """η, W and the law of ξ."""
    factor = {
        (False, False): r"\xi",
        (True, False): r"\tfrac{1}{\sqrt{d}} \xi",
        (False, True): r"\tfrac{\sqrt{d}}{\|\xi\| \|\Sigma_x\|^{1/2}} \xi",
        (True, True): r"\tfrac{1}{\|\xi\| \|\Sigma_x\|^{1/2}} \xi",
    }[data.unit_inputs, data.unit_link]
    scaled = {
        (False, False): r"\Sigma_\xi",
        (True, False): r"\tfrac{1}{d} \Sigma_\xi",
        (False, True): r"\tfrac{d}{\|\Sigma_x\| \operatorname{tr} \Sigma_\xi} \Sigma_\xi",
        (True, True): r"\tfrac{1}{\|\Sigma_x\| \operatorname{tr} \Sigma_\xi} \Sigma_\xi",
    }[data.unit_inputs, data.unit_link]
    yield r"\\tilde\\Sigma_\\xi", r"\tilde\Sigma_\xi &= \tfrac{d}{\|\Sigma_x\| \operatorname{tr} \Sigma_\xi} \Sigma_\xi"
    yield r"\\eta", rf"\eta &= {factor}"
    yield "W", rf"W &= {scaled}"
    yield "P", rf"P &= {data.input_covariance}"
    vectors = r"\xi, \xi_1, \dots, \xi_k" if level in ("training", "limit") else r"\xi"
    law = {
        "isotropic": r"\sim " + _normal("0", "I_d"),
        "sphere": r"\text{ uniform on the sphere } \|\xi\|^2 = d",
        "covariances": r"\sim " + _normal("0", r"\Sigma_\xi"),
    }[data.law]
    yield r"\\xi|\\Sigma_\\xi", r"\xi &\in \mathbb{R}^d \text{ given}" if level == "given" else rf"{vectors} &{law}"


def _table(data: Setting, level: Level, shown: str) -> Iterator[tuple[str, str]]:
    """Symbols, as patterns of TeX, and the rows that define them; what a row uses comes later."""
    polynomial = data.expression is not None and bool(data.expression.free_symbols - {X})
    scale = "" if data.isotropic or polynomial else "s "
    weight = "1" if data.unit_inputs else "d"
    yield r"c_\{\d+\}\^", rf"c_n^* &= \mathbb{{E}}[\sigma_*({scale}g)\, \mathrm{{He}}_n(g)]"
    yield r"m_\{\d+\}\^\{\(", rf"m_n^{{(j)}} &= \mathbb{{E}}[\sigma_*({scale}g)^j\, \mathrm{{He}}_n(g)]"
    yield r"\\mathrm\{He\}", r"\mathrm{He}_n & \text{ the monic Hermite polynomials}"
    yield "F", r"F & \text{ a fixed matrix of } d (d + 1) \text{ rows}"
    yield "h", r"h &= x_{\ell+1} \otimes b"
    if "P S_k P" in shown:
        yield "S_k", r"S_k &= \tfrac{1}{k} \sum_{j \le k} \eta_j \eta_j^\top, \qquad \eta_j = \eta \text{ at } \xi = \xi_j"
    elif not data.isotropic and data.unit_link:
        yield "S_k", r"S_k &= \tfrac{d}{k \|\Sigma_x\|} \sum_{j \le k} \xi_j \xi_j^\top / \|\xi_j\|^2"
    else:
        yield "S_k", r"S_k &= \tfrac{1}{k} \sum_{j \le k} \xi_j \xi_j^\top"
    square = "d^2" if weight == "d" and not data.isotropic else weight
    yield r"\\nu_k", rf"\nu_k &= \tfrac{{{square}}}{{\ell k}} \sum_{{j \le k}} \mathbb{{E}}[y_i^2 \mid \xi = \xi_j]"
    yield (
        "b",
        (
            rf"b &= (b_1, b_2), \qquad b_1 = \tfrac{{{weight}}}{{\ell}} \sum_{{i \le \ell}} y_i x_i, \qquad"
            r" b_2 = \tfrac{1}{\ell} \sum_{i \le \ell} y_i^2"
        ),
    )
    spread = ("m + " if level == "given" and not data.centred else "") + ("s g" if level == "given" else "g")
    yield "y(?!_)", _label(data, "y", spread, r"\epsilon")
    yield "y(?=_)", _label(data, "y_i", data.argument("i"), r"\epsilon_i")
    yield "z", "z &= " + data.argument(r"{\ell+1}")
    yield "g", rf"g &\sim {_normal('0', '1')}"
    yield from _scales(data, level)
    yield from _tasks(data, level)
    yield r"\\kappa", r"\kappa &= k / d"
    yield r"\\alpha", r"\alpha &= \ell / d"
    mean = "0" if data.centred or level != "given" else r"\mu"
    law = _normal(mean, data.input_covariance)
    yield r"x(?=_)|\\ell|d|\\mu|\\Sigma_x", rf"x_1, \dots, x_{{\ell+1}} &\sim {law} \text{{ in }} \mathbb{{R}}^d"
    yield r"\\sigma_\*", _target(data)


def definitions(data: Setting, rows: Sequence[str], level: Level) -> list[str]:
    """Rows that define the symbols in ``rows``, and those in the definitions."""
    shown = "\n".join(rows)
    lines: list[str] = []
    for symbol, row in _table(data, level, shown):
        # Names in words, and the subscript of a norm, are no symbols.
        text = re.sub(r"\\(?:text|operatorname|mathbb|mathcal)\{[^{}]*\}|\\(?:begin|end)\{\w+\}|\|_F", "", shown)
        if re.search(rf"(?<![A-Za-z\\])(?:{symbol})(?![A-Za-z])", text):
            lines.insert(0, row)
            shown += "\n" + row
    return lines
