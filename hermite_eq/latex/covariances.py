r"""The covariance of :math:`(F^\top h,z)` at its levels, as ``align*`` blocks in which every symbol is defined."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import sympy

from hermite_eq.latex.definitions import Level, Setting, definitions, typeset
from hermite_eq.latex.numbers import ascii_name, exact

_MOMENTS = {
    "e": r"e = \mathbb{E}[y]",
    "a": r"a = \mathbb{E}[y g]",
    "v": r"v = \mathbb{E}[y^2]",
    "q": r"q = \mathbb{E}[y^2 g]",
    "p": r"p = \mathbb{E}[y^2 (g^2 - 1)]",
    "w_30": r"w_{30} = \mathbb{E}[y^3]",
    "w_3": r"w_3 = \mathbb{E}[y^3 g]",
    "w_4": r"w_4 = \mathbb{E}[y^4]",
}
#: Vectors and matrices of each moment of b given ξ, with the entries that are their coefficients, for isotropic data and in general.
_GIVEN = (
    (r"\mathbb{E}[b_1]", {"mean_b1": "u", "mean_mu": r"\mu", "mean_r": "r"}),
    (r"\mathbb{E}[b_2]", {"mean_b2": ""}),
    (r"\mathbb{E}[b_1 b_1^\top]", {
        "second_identity": "I_d", "second_uu": r"u u^\top", "second_P": "P", "second_rr": r"r r^\top", "second_mumu": r"\mu \mu^\top",
        "second_mur": r"(\mu r^\top + r \mu^\top)",
    }),
    (r"\mathbb{E}[b_1 b_2]", {"second_u2": "u", "second_mu2": r"\mu", "second_r2": "r"}),
    (r"\mathbb{E}[b_2^2]", {"second_22": ""}),
    (r"t = \operatorname{tr} \operatorname{Cov}(h)", {"trace": ""}),
)  # fmt: skip
_CONDITIONAL = r"\mid \xi_1, \dots, \xi_k]"
#: Signs of a line that fit beside its left-hand side.
_LINE = 68


def _width(tex: str) -> int:
    """Roughly how many signs a formula is wide: a fraction as wide as its wider half."""
    narrowed = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", lambda match: max(match.groups(), key=len), tex)
    return len(re.sub(r"\\[A-Za-z]+|[{}_^\\ ]", "", narrowed)) + 2 * tex.count(r"\operatorname{erf}")


def _sum(value: sympy.Expr) -> list[str]:
    """Lines of a sum, each term with its sign, no line wider than the page."""
    lines, used = [""], 0
    for term in typeset(sympy.expand(value)).as_ordered_terms():
        negative = term.could_extract_minus_sign()
        tex = exact(-term if negative else term)
        wide = _width(tex) + 3
        if lines[-1] and used + wide > _LINE:
            lines.append("")
            used = 0
        first = len(lines) == 1 and not lines[0]
        sign = ("-" if negative else "") if first else ("- " if negative else "+ ")
        lines[-1] += ("" if not lines[-1] else " ") + sign + tex
        used += wide
    return lines


def _equation(left: str, value: sympy.Expr) -> str:
    """``left`` = the value, continued on further lines where it is long."""
    return f"{left} &= " + " \\\\\n  &\\quad ".join(_sum(value))


def _combination(left: str, terms: Iterable[tuple[sympy.Expr, str]]) -> list[str]:
    """Rows of ``left = Σ coefficient · matrix``, one row for each matrix."""
    rows = []
    for i, (value, matrix) in enumerate(terms):
        if not matrix:
            return [_equation(left, value)]
        negative = not isinstance(value, sympy.Add) and value.could_extract_minus_sign()
        size = -value if negative else value
        sign = "-" if negative else "+"
        start = f"{left} &= {'-' if negative else ''}" if i == 0 else rf"&\quad {sign} "
        if size == 1:
            rows.append(f"{start}{matrix}")
        elif isinstance(size, sympy.Add):
            lines = _sum(size)
            body = " \\\\\n  &\\qquad ".join(lines)
            rows.append(rf"{start}\Bigl({body}\Bigr)\, {matrix}" if len(lines) > 1 else rf"{start}\left({body}\right) {matrix}")
        else:
            rows.append(rf"{start}{exact(typeset(size))}\, {matrix}")
    return rows


def _block(setting: Setting, comment: str, rows: Iterable[str], level: Level = "fresh") -> str:
    rows = list(rows)
    body = " \\\\\n  ".join([*definitions(setting, rows, level), *rows])
    return f"% {comment}; target {ascii_name(setting.target)}; needs amsmath, amssymb\n\\begin{{align*}}\n  {body}\n\\end{{align*}}"


def covariance_given(setting: Setting, entries: Mapping[str, sympy.Expr], moments: Mapping[str, sympy.Expr | None]) -> str:
    r"""Given ξ and F: the covariance of (Fᵀh, z), E[b] and E[bbᵀ], and the label's moments.

    Parameters
    ----------
    setting : Setting
    entries : mapping
        Coefficients in the label's moments.
    moments : mapping
        The moments in m, s, ρ, or None where the expectation stays as it is.
    """
    shift = "" if setting.centred else r" + \mu \mu^\top \otimes \operatorname{Cov}(b)"
    rows = [
        rf"\operatorname{{Cov}}(F^\top h) &= F^\top \left({setting.inputs} \otimes \mathbb{{E}}[b b^\top]{shift}\right) F",
        rf"\operatorname{{Cov}}(F^\top h, z) &= F^\top \left({setting.image} \otimes \mathbb{{E}}[b]\right),"
        r" \qquad \operatorname{Var} z = s^2",
    ]
    for left, parts in _GIVEN:
        rows += _combination(left, [(sympy.expand(entries[name]), matrix) for name, matrix in parts.items() if name in entries])
    for name, value in moments.items():
        left, _, expectation = _MOMENTS[name].partition(" = ")
        rows.append(f"{left} &= {expectation}" if value is None else _equation(_MOMENTS[name], value))
    return _block(setting, "given xi and F", rows, "given")


def _word(name: str) -> str:
    if name == "t":
        return r"\tfrac{P W^2 P}{\operatorname{tr} W}"
    n = int(name)
    return "P W P" if n == 0 else rf"\tfrac{{P (W P)^{{{n + 1}}}}}{{s^{{{2 * n}}}}}"


def covariance_averaged(
    setting: Setting, entries: Mapping[str, sympy.Expr], words: Mapping[str, Mapping[str, sympy.Expr]], order: int | None
) -> str:
    """Over fresh tasks, from scalars and, where there are covariances, the coefficients of each matrix by word; ``order`` is None where it
    is exact.
    """
    power = "the inverse effective dimension" if words else "1/d"
    how = "exact at every d" if order is None else f"series in {power} up to order {order}"

    def matrix(name: str, isotropic: str) -> list[tuple[sympy.Expr, str]]:
        if not words:
            return [(entries[isotropic], "I_d")]
        return [(value, _word(word)) for word, value in words[name].items()]

    own = [(entries["second_P"], "P")] if words else []
    rows = [
        rf"\operatorname{{Cov}}(F^\top h) &= F^\top \left({setting.inputs} \otimes \mathbb{{E}}[b b^\top]\right) F, \qquad"
        r" \operatorname{Cov}(F^\top h, z) = F^\top \operatorname{vec} \mathbb{E}[z\, x_{\ell+1} b^\top]",
        r"\mathbb{E}[b] &= (0,\ \bar v), \qquad"
        r" \mathbb{E}[b b^\top] = \begin{pmatrix} \mathbb{E}[b_1 b_1^\top] & 0 \\ 0 & \bar r_2 \end{pmatrix}, \qquad"
        r" \mathbb{E}[z\, x_{\ell+1} b^\top] = \begin{pmatrix} \mathbb{E}[z\, x_{\ell+1} b_1^\top] & 0 \end{pmatrix}",
        _equation(r"\bar v", entries["mean_b2"]),
        *_combination(r"\mathbb{E}[b_1 b_1^\top]", [*own, *matrix("second", "second_identity")]),
        _equation(r"\bar r_2", entries["second_22"]),
        *_combination(r"\mathbb{E}[z\, x_{\ell+1} b_1^\top]", matrix("coupling", "coupling")),
        *_combination(r"\mathbb{E}[y_{\ell+1} x_{\ell+1} b_1^\top]", matrix("signal", "signal")),
        _equation(r"\operatorname{Var} z", entries["square_z"]),
    ]
    if "trace" in entries:
        rows.append(_equation(r"t = \operatorname{tr} \operatorname{Cov}(h)", entries["trace"]))
    return _block(setting, f"over fresh tasks, given F; {how}", rows)


def covariance_over_tasks(setting: Setting, entries: Mapping[str, sympy.Expr], proportional: bool) -> str:
    r"""R_k given the training tasks; ``proportional`` where φ does not depend on ‖ξ‖, so that = stands for ≈."""
    relation = "=" if proportional else r"\simeq"
    matrix, inputs = ("S_k", "I_d") if setting.isotropic else ("P S_k P", "P")
    rows = [
        rf"\mathbb{{E}}[b_1 b_1^\top {_CONDITIONAL} &{relation} \varphi\, {matrix} + \nu_k {inputs}, \qquad"
        rf" \mathbb{{E}}[y_{{\ell+1}} x_{{\ell+1}} b_1^\top {_CONDITIONAL} {relation} \varphi_1\, {matrix}",
        _equation(r"\varphi", entries["slope"]),
        _equation(r"\mathbb{E}\, \nu_k", entries["noise"]),
        _equation(r"\varphi_1", entries["signal"]),
    ]
    if setting.isotropic:
        rows += [
            *_combination(r"R_\infty = \mathbb{E}[b_1 b_1^\top]", [(entries["fresh"], "I_d")]),
            rf"\tfrac{{1}}{{d}}\, \mathbb{{E}}\, \| \mathbb{{E}}[b_1 b_1^\top {_CONDITIONAL} - R_\infty \|_F^2 &\simeq"
            rf" {exact(typeset(entries['spread_limit']))}",
        ]
    return _block(setting, "given the k training tasks", rows, "training")


def covariance_limit(setting: Setting, entries: Mapping[str, sympy.Expr]) -> str:
    r"""The leading order as d → ∞."""
    size = r"\tfrac{1}{d} " if setting.unit_inputs else ""
    cross = (
        r"f^\top \operatorname{Cov}(h, z) &\sim \mathcal{N}(0, \tfrac{q}{d}) \text{ to leading order}, \qquad"
        r" f \sim \mathcal{N}(0, \tfrac{1}{t} I_{d (d + 1)}), \qquad t = \operatorname{tr} \operatorname{Cov}(h)"
    )
    conditional = rf"\mathbb{{E}}[b_1 b_1^\top {_CONDITIONAL} &\simeq {size}R"
    if setting.isotropic:
        rows = [
            rf"{conditional}, \qquad R = a_1^2 S_k + \tfrac{{v}}{{\alpha}} I_d, \qquad R_\infty = a_1^2 + \tfrac{{v}}{{\alpha}}",
            rf"a_1 = \mathbb{{E}}[\sigma_*(g) g] &= {exact(typeset(entries['signal']))}",
            _equation(r"v = \lim \mathbb{E}[y_i^2]", entries["second"]),
            _equation(r"R_\infty", entries["fresh"]),
        ]
    else:
        rows = [
            rf"{conditional}, \qquad R = \varphi\, \Sigma_x S_k \Sigma_x + \nu\, \Sigma_x, \qquad"
            rf" R_\infty = \varphi\, \Sigma_x {setting.tasks} \Sigma_x + \nu\, \Sigma_x",
            _equation(r"\varphi = \tfrac{1}{s^2} \mathbb{E}[\sigma_*(s g) g]^2", entries["slope"]),
            _equation(r"\nu = \tfrac{1}{\alpha} \lim \mathbb{E}[y_i^2]", entries["noise"]),
        ]
    rows += [cross, _equation(r"\lim \tfrac{t}{d}", entries["trace"]), rf"q &= {exact(typeset(entries['q']))}"]
    return _block(setting, "d -> infinity", rows, "limit")


def covariance_norm_law(setting: Setting, moments: Mapping[str, sympy.Expr], variance: sympy.Expr | None) -> str:
    r"""The variance of ‖h‖²/t to order 1/d: the formula, the moments in it, and its value if there is one."""
    beta = r"\tfrac{1}{\alpha} + 2 v" if setting.unit_inputs else r"\tfrac{1}{\alpha}"
    trace = r"a_1^2 + \tfrac{v}{\alpha} + v^2" if setting.unit_inputs else r"a_1^2 + \tfrac{v}{\alpha}"
    task = "" if setting.law == "sphere" else r"2 \bigl(a_1 \dot a + \tfrac{\beta p}{2}\bigr)^2 + "
    slope = {} if setting.law == "sphere" else {"theta_a": r"\dot a = \mathbb{E}[\sigma_*(g) (g + \mathrm{He}_3(g))]"}
    shown = {"a_1": r"a_1 = \mathbb{E}[y g]", **slope, **{name: _MOMENTS[name] for name in ("v", "p", "w_3", "w_4")}}
    rows = [
        r"\operatorname{Var} \tfrac{\|h\|^2}{t} &= \tfrac{C}{d} + O(d^{-2}), \qquad t = \operatorname{tr} \operatorname{Cov}(h), \qquad"
        rf" T = {trace}, \qquad \beta = {beta}",
        rf"C &= 2 + \frac{{1}}{{T^2}} \Bigl[{task}\tfrac{{4 a_1^2 (p + v - a_1^2) + 4 a_1 \beta (w_3 - a_1 v)"
        r" + \beta^2 (w_4 - v^2)}{\alpha} + \tfrac{2 v^2}{\alpha^2}\Bigr]",
        *(rf"{left} &= {exact(typeset(moments[name]))}" for name, left in shown.items()),
        *([rf"C &= {exact(variance)}"] if variance is not None else []),
    ]
    return _block(setting, "fluctuations of the norm", rows)
