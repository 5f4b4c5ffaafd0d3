r"""The covariance of :math:`(F^\top h,z)` for data with covariances and means, as ``align*`` blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping

import sympy

from hermite_eq.arguments import count, flag, mapping
from hermite_eq.arguments import exact as read_exact
from hermite_eq.latex.covariances import align, context_comment, known
from hermite_eq.latex.numbers import ascii_name, exact

_LABELS = {
    "e": ("e", r"\mathbb{E}[y]"),
    "a": ("a", r"\mathbb{E}[y g]"),
    "v": ("v", r"\mathbb{E}[y^2]"),
    "q": ("q", r"\mathbb{E}[y^2 g]"),
    "p": ("p", r"\mathbb{E}[y^2 (g^2 - 1)]"),
    "w_30": ("w_{30}", r"\mathbb{E}[y^3]"),
    "w_3": ("w_3", r"\mathbb{E}[y^3 g]"),
    "w_4": ("w_4", r"\mathbb{E}[y^4]"),
}
#: Vectors and matrices of each display, with the entries that are their coefficients.
_GIVEN = (
    (r"\mathbb{E}[b_1]", (("mean_mu", r"\mu"), ("mean_r", "r"))),
    (r"\mathbb{E}[b_2]", (("mean_b2", ""),)),
    (
        r"\mathbb{E}[b_1 b_1^\top]",
        (("second_P", "P"), ("second_rr", r"r r^\top"), ("second_mumu", r"\mu \mu^\top"), ("second_mur", r"(\mu r^\top + r \mu^\top)")),
    ),
    (r"\mathbb{E}[b_1 b_2]", (("second_mu2", r"\mu"), ("second_r2", "r"))),
    (r"\mathbb{E}[b_2^2]", (("second_22", ""),)),
)
_WORDS = {"t": r"\tfrac{P W^2 P}{\operatorname{tr} W}"}


def _conventions(unit_inputs: bool, unit_link: bool) -> str:
    unit_inputs, unit_link = flag(unit_inputs, "unit_inputs"), flag(unit_link, "unit_link")
    inputs = r"P = \Sigma_x" if unit_inputs else r"P = \tfrac{1}{d} \Sigma_x"
    factor = {
        (False, False): r"\xi",
        (True, False): r"\tfrac{\xi}{\sqrt{d}}",
        (False, True): r"\tfrac{\sqrt{d}\, \xi}{\|\xi\| \|\Sigma_x\|^{1/2}}",
        (True, True): r"\tfrac{\xi}{\|\xi\| \|\Sigma_x\|^{1/2}}",
    }[unit_inputs, unit_link]
    return rf"{inputs}, \qquad \eta = {factor}, \qquad z = \eta^\top x_{{\ell+1}}"


def _task_covariance(unit_inputs: bool, unit_link: bool) -> str:
    return {
        (False, False): r"W = \Sigma_\xi",
        (True, False): r"W = \tfrac{1}{d} \Sigma_\xi",
        (False, True): r"W = \tfrac{d\, \Sigma_\xi}{\|\Sigma_x\| \operatorname{tr} \Sigma_\xi}",
        (True, True): r"W = \tfrac{\Sigma_\xi}{\|\Sigma_x\| \operatorname{tr} \Sigma_\xi}",
    }[unit_inputs, unit_link]


#: Signs of a line that fit beside its left-hand side.
_LINE = 68


def _width(tex: str) -> int:
    """Roughly how many signs a formula is wide: a fraction as wide as its wider half."""
    narrowed = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", lambda found: max(found.groups(), key=len), tex)
    return len(re.sub(r"\\[A-Za-z]+|[{}_^\\ ]", "", narrowed)) + 2 * tex.count(r"\operatorname{erf}")


def _sum(value: sympy.Expr) -> list[str]:
    """Lines of a sum, each term with its sign, no line wider than the page."""
    lines, used = [""], 0
    for term in sympy.expand(value).as_ordered_terms():
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


def _combination(left: str, terms: list[tuple[sympy.Expr, str]]) -> list[str]:
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
            rows.append(rf"{start}{exact(size)}\, {matrix}")
    return rows


def source_covariance(
    target: str,
    entries: Mapping[str, sympy.Expr],
    moments: Mapping[str, sympy.Expr | None],
    *,
    unit_inputs: bool,
    unit_link: bool,
) -> str:
    r"""Given ξ: E[b], E[bbᵀ] as combinations of P, rrᵀ, μμᵀ, and the label's moments, as an ``align*`` block.

    Parameters
    ----------
    target : str
        The target's name, for the comment.
    entries : mapping
        Coefficients in the moments; without those of μ for centred inputs.
    moments : mapping
        e, a, v, q, p, w_30, w_3, w_4 in m, s, ρ, or None where the expectation stays as it is.
    unit_inputs, unit_link : bool
    """
    entries, moments = mapping(entries, "entries", read_exact), mapping(moments, "moments", known)
    centred = "mean_mu" not in entries
    centre, mean = ("0", "") if centred else (r"\mu", r"\mu + ")
    shift = "" if centred else r"m + "
    covariance = (
        r"\operatorname{Cov}(F^\top h) &= F^\top \left(P \otimes \mathbb{E}[b b^\top]"
        + ("" if centred else r" + \mu \mu^\top \otimes \operatorname{Cov}(b)")
        + r"\right) F"
    )
    cross = r"\operatorname{Cov}(F^\top h, z) &= F^\top \left(P \eta \otimes \mathbb{E}[b]\right)"
    lines = [
        rf"x &\sim \mathcal{{N}}({centre}, P), \qquad {_conventions(unit_inputs, unit_link)}",
        rf"x &= {mean}g r + x_\perp, \qquad r = P \eta / s, \qquad s^2 = \eta^\top P \eta"
        + ("" if centred else r", \qquad m = \eta^\top \mu"),
        rf"y &= \sigma_*({shift}s g) + \epsilon, \qquad g \sim \mathcal{{N}}(0, 1), \qquad \epsilon \sim \mathcal{{N}}(0, \rho)",
        covariance,
        cross,
    ]
    for left, parts in _GIVEN:
        terms = [(sympy.expand(entries[name]), matrix) for name, matrix in parts if name in entries]
        lines += _combination(left, terms)
    for name, form in _LABELS.items():
        if centred and name in ("e", "q", "w_30"):
            continue
        value = moments[name]
        lines.append(f"{form[0]} &= {form[1]}" if value is None else _equation(f"{form[0]} = {form[1]}", value))
    body = " \\\\\n  ".join(lines)
    law = "N(0, Sigma_x)" if centred else "N(mu, Sigma_x)"
    return align(f"given xi and F; {context_comment(unit_inputs, law)}; target {ascii_name(target)}", body)


def _word(name: str) -> str:
    if name in _WORDS:
        return _WORDS[name]
    n = count(int(name) if name.isdecimal() else name, "the number of a word")
    return "P W P" if n == 0 else rf"\tfrac{{P (W P)^{{{n + 1}}}}}{{s^{{{2 * n}}}}}"


def source_averaged_covariance(
    target: str,
    entries: Mapping[str, sympy.Expr],
    words: Mapping[str, Mapping[str, sympy.Expr]],
    *,
    order: int | None,
    unit_inputs: bool,
    unit_link: bool,
) -> str:
    """Over fresh tasks as an ``align*`` block, from ``entries`` and the coefficients of each matrix by word; ``order`` is None where it is
    exact.
    """
    entries = mapping(entries, "entries", read_exact)
    words = mapping(words, "words", lambda part, name: mapping(part, name, read_exact))
    order, unit_link = None if order is None else count(order, "order"), flag(unit_link, "unit_link")
    how = "exact at every d" if order is None else f"series in the inverse effective dimension up to order {order}"
    traces = r"s^2 = \operatorname{tr} P W, \qquad t_n = \operatorname{tr}(P W)^n / s^{2 n}"
    if unit_link:
        traces += r", \qquad t_{11} = \tfrac{\operatorname{tr} P W^2}{s^2 \operatorname{tr} W}"
        traces += r", \qquad t_{02} = \tfrac{\operatorname{tr} W^2}{(\operatorname{tr} W)^2}"

    def terms(kind: str) -> list[tuple[sympy.Expr, str]]:
        return [(value, _word(name)) for name, value in words[kind].items()]

    lines = [
        rf"&{_conventions(unit_inputs, unit_link)}",
        rf"&{_task_covariance(unit_inputs, unit_link)}",
        rf"&{traces}",
        r"\mathbb{E}[b] &= (0,\ \bar v), \qquad"
        r" \mathbb{E}[b b^\top] = \begin{pmatrix} \mathbb{E}[b_1 b_1^\top] & 0 \\ 0 & \bar r_2 \end{pmatrix}",
        _equation(r"\bar v", entries["mean_b2"]),
        *_combination(r"\mathbb{E}[b_1 b_1^\top]", [(entries["second_P"], "P"), *terms("second")]),
        _equation(r"\bar r_2", entries["second_22"]),
        *_combination(r"\mathbb{E}[x y\, b_1^\top]", terms("signal")),
        *_combination(r"\mathbb{E}[x z\, b_1^\top]", terms("coupling")),
    ]
    body = " \\\\\n  ".join(lines)
    return align(f"over fresh tasks, given F; {how}; {context_comment(unit_inputs, 'N(0, Sigma_x)')}; target {ascii_name(target)}", body)


def source_task_covariance(target: str, entries: Mapping[str, sympy.Expr], *, unit_inputs: bool, unit_link: bool) -> str:
    r"""R_k given the training tasks to leading order, as an ``align*`` block."""
    entries = mapping(entries, "entries", read_exact)
    lines = [
        rf"&{_conventions(unit_inputs, unit_link)}",
        rf"&{_task_covariance(unit_inputs, unit_link)}, \qquad s^2 = \operatorname{{tr}} P W",
        r"(R_k)_{11} &\simeq \varphi\, P S_k P + \eta_k P, \qquad S_k = \tfrac{1}{k} \sum_{j \le k} \eta_j \eta_j^\top, \qquad"
        r" \mathbb{E}[x y\, b_1^\top] \simeq \varphi_1\, P S_k P",
        _equation(r"\varphi", entries["slope"]),
        _equation(r"\mathbb{E}\, \eta_k", entries["noise"]),
        _equation(r"\varphi_1", entries["signal"]),
    ]
    return align(f"given the k training tasks; target {ascii_name(target)}", " \\\\\n  ".join(lines))


def _task_mean(unit_link: bool) -> str:
    if unit_link:
        return r"\tfrac{d}{k \|\Sigma_x\|} \sum_{j \le k} \xi_j \xi_j^\top / \|\xi_j\|^2"
    return r"\tfrac{1}{k} \sum_{j \le k} \xi_j \xi_j^\top"


def source_limit_covariance(target: str, entries: Mapping[str, sympy.Expr], *, unit_inputs: bool, unit_link: bool) -> str:
    r"""The leading order as d → ∞, as an ``align*`` block."""
    entries, unit_link = mapping(entries, "entries", read_exact), flag(unit_link, "unit_link")
    tasks = r"\Sigma_\xi" if not unit_link else r"\tilde\Sigma_\xi"
    lines = [
        r"\alpha &= \ell / d, \qquad x_1 = \tfrac{1}{d} \operatorname{tr} \Sigma_x, \qquad"
        rf" s^2 = \tfrac{{1}}{{d}} \operatorname{{tr}} \Sigma_x {tasks}, \qquad"
        rf" m_{{21}} = \tfrac{{1}}{{d}} \operatorname{{tr}} \Sigma_x^2 {tasks}"
        + (r", \qquad \tilde\Sigma_\xi = \tfrac{d\, \Sigma_\xi}{\|\Sigma_x\| \operatorname{tr} \Sigma_\xi}" if unit_link else ""),
        rf"R_\infty &= \tfrac{{a^2}}{{s^2}}\, \Sigma_x {tasks} \Sigma_x + \tfrac{{v}}{{\alpha}}\, \Sigma_x, \qquad"
        rf" R_k = \tfrac{{a^2}}{{s^2}}\, \Sigma_x S_k \Sigma_x + \tfrac{{v}}{{\alpha}}\, \Sigma_x",
        rf"S_k &= {_task_mean(unit_link)}",
        _equation(r"\tfrac{a^2}{s^2}", entries["slope"]),
        _equation(r"\tfrac{v}{\alpha}", entries["noise"]),
        _equation(r"\lim \tfrac{t}{d}", entries["trace"]),
        rf"q &= {exact(entries['q'])}",
    ]
    return align(f"d -> infinity; {context_comment(unit_inputs, 'N(0, Sigma_x)')}; target {ascii_name(target)}", " \\\\\n  ".join(lines))
