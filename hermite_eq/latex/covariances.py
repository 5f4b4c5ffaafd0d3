r"""The covariance of :math:`(F^\top h,\ \xi^\top x)` at its levels, as ``align*`` blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from hermite_eq.arguments import count, flag, mapping
from hermite_eq.arguments import exact as read_exact
from hermite_eq.latex.numbers import ascii_name, exact

#: How each entry of the conditional covariance is written, in the order in which it is shown.
_COVARIANCE_ENTRIES = {
    "mean_b1": r"\mathbb{E}[b_1] &= \left({}\right) u",
    "mean_b2": r"\mathbb{E}[b_2] &= {}",
    "second_b1": r"\mathbb{E}[b_1 b_1^\top] &= {}",
    "second_u2": r"\mathbb{E}[b_1 b_2] &= \left({}\right) u",
    "second_22": r"\mathbb{E}[b_2^2] &= {}",
    "trace": r"t = \operatorname{tr}\operatorname{Cov}(h) &= {}",
}
_MOMENTS = {
    "a": r"a &= \mathbb{E}[y g]",
    "v": r"v &= \mathbb{E}[y^2]",
    "p": r"p &= \mathbb{E}[y^2 (g^2 - 1)]",
    "w_3": r"w_3 &= \mathbb{E}[y^3 g]",
    "w_4": r"w_4 &= \mathbb{E}[y^4]",
}


def block_covariance(
    target: str,
    entries: Mapping[str, sympy.Expr],
    trace: sympy.Expr,
    moments: Mapping[str, sympy.Expr | None],
    *,
    unit_inputs: bool = False,
) -> str:
    r"""The covariance of :math:`(F^\top h, \xi^\top x)` given ξ and F as an ``align*`` block.

    Parameters
    ----------
    target : str
        The target's name, for the comment.
    entries : mapping
        ``mean_b1``, ``mean_b2``, ``second_identity``, ``second_uu``, ``second_u2``, ``second_22`` in the moments.
    trace : sympy.Expr
    moments : mapping
        a, v, p, w_3, w_4 as closed forms in s and ρ, or None where the expectation stays as it is.
    unit_inputs : bool
        x ~ N(0, I_d) instead of N(0, I_d/d).
    """
    inputs, root, argument = ("I_d", r"\tfrac{1}{\sqrt{d}}", r"\xi^\top x_{\ell+1} / \sqrt{d}") if flag(unit_inputs, "unit_inputs") else (
        r"\tfrac{1}{d} I_d", r"\tfrac{1}{d}", r"\xi^\top x_{\ell+1}")
    entries = mapping({**mapping(entries, "entries", read_exact), "trace": trace}, "entries", read_exact)
    moments = mapping(moments, "moments", known)
    shown = {name: exact(sympy.expand(entries[name])) for name in ("second_identity", "second_uu", *entries)}
    shown["second_b1"] = rf"{shown['second_identity']}\, I_d + \left({shown['second_uu']}\right) u u^\top"
    lines = [
        rf"\operatorname{{Cov}}\begin{{pmatrix}} F^\top h \\ {argument} \end{{pmatrix}} &= \begin{{pmatrix}}"
        rf" F^\top \left({inputs} \otimes \mathbb{{E}}[b b^\top]\right) F &"
        rf" F^\top \left({root} \xi \otimes \mathbb{{E}}[b]\right) \\ \cdot & s^2 \end{{pmatrix}}",
        r"y &= \sigma_*(s g) + \epsilon, \quad g \sim \mathcal{N}(0, 1), \quad \epsilon \sim \mathcal{N}(0, \rho),"
        r" \quad s = \|\xi\| / \sqrt{d}, \quad u = \xi / \|\xi\|",
    ]
    lines += [form.replace("{}", shown[name]) for name, form in _COVARIANCE_ENTRIES.items()]
    for name, form in _MOMENTS.items():
        value = moments[name]
        lines.append(form if value is None else f"{form} = {exact(value)}")
    body = " \\\\\n  ".join(lines)
    return align(f"given xi and F; {context_comment(unit_inputs)}; target {ascii_name(target)}", body)


def known(value: Any, name: str) -> sympy.Expr | None:
    """An expression, or None where there is no closed form."""
    return None if value is None else read_exact(value, name)


def context_comment(unit_inputs: bool, law: str = "N(0, I_d)") -> str:
    if flag(unit_inputs, "unit_inputs"):
        return f"h = vec(x b^T) row-major, x ~ {law}, b = ((1/l) sum y_i x_i, (1/l) sum y_i^2)"
    return "h = vec(x b^T) row-major, b = ((d/l) sum y_i x_i, (1/l) sum y_i^2)"


def align(comment: str, body: str) -> str:
    return f"% {comment}\n\\begin{{align*}}\n  {body}\n\\end{{align*}}"


def _filled(forms: Mapping[str, str], entries: Mapping[str, sympy.Expr]) -> str:
    """The rows of ``forms`` with the entries put in, in the order of the forms."""
    entries = mapping(entries, "entries", read_exact)
    return " \\\\\n  ".join(broken(form, entries[name]) for name, form in forms.items())


#: Terms of a sum on one line of a display.
_TERMS = 7


def broken(form: str, value: sympy.Expr) -> str:
    """``form`` with the value put in; a long sum at its end continues on further lines."""
    terms = value.as_ordered_terms()
    if len(terms) <= _TERMS or not form.endswith("{}"):
        return form.replace("{}", exact(value))
    lines = [exact(sympy.Add(*terms[start : start + _TERMS])) for start in range(0, len(terms), _TERMS)]
    rest = [line if line.startswith("-") else f"+ {line}" for line in lines[1:]]
    return " \\\\\n  &\\quad ".join([form.replace("{}", lines[0]), *rest])


_AVERAGED_ENTRIES = {
    "mean_b2": r"\mathbb{E}[b] &= \bigl(0,\ \bar v\bigr), \qquad \bar v = {}",
    "second_identity": r"\mathbb{E}[b b^\top] &= \begin{pmatrix} \bar r\, I_d & 0 \\ 0 & \bar r_2 \end{pmatrix}, \qquad \bar r = {}",
    "second_22": r"\bar r_2 &= {}",
    "coupling": r"\mathbb{E}[(x z) b^\top] &= \bar c\,(I_d \mid 0), \qquad \bar c = {}",
    "trace": r"t = \operatorname{tr}\operatorname{Cov}(h) &= {}",
}


def averaged_covariance(target: str, entries: Mapping[str, sympy.Expr], *, order: int | None, unit_inputs: bool) -> str:
    r"""The covariance over fresh tasks as an ``align*`` block; ``order`` is None where it is exact, else that of the series in 1/d."""
    order = None if order is None else count(order, "order")
    how = "exact at every d" if order is None else f"averages up to d^-{order}, remainder O(d^-{order + 1})"
    inputs = "I_d" if flag(unit_inputs, "unit_inputs") else r"\tfrac{1}{d} I_d"
    first = (
        rf"\operatorname{{Cov}}(F^\top h) &= F^\top \left({inputs} \otimes \mathbb{{E}}[b b^\top]\right) F, \qquad"
        r" \operatorname{Cov}(F^\top h, z) = F^\top \operatorname{vec} \mathbb{E}[(x z) b^\top], \qquad \operatorname{Var} z = 1"
    )
    body = first + " \\\\\n  " + _filled(_AVERAGED_ENTRIES, entries)
    return align(f"over fresh tasks, given F; {how}; {context_comment(unit_inputs)}; target {ascii_name(target)}", body)


_TASK_ENTRIES = {
    "slope": r"\varphi &= {}",
    "noise": r"\mathbb{E}\,\eta_k &= {}",
    "fresh": r"(R_\infty)_{11} &= \left({}\right) I_d",
    "spread_limit": r"\tfrac{1}{d}\, \mathbb{E}\, \| (R_k - R_\infty)_{11} \|_F^2 &= {} + O(d^{-1})",
}


def task_covariance(target: str, entries: Mapping[str, sympy.Expr], *, equal: bool) -> str:
    r"""R_k given the training tasks, as an ``align*`` block; ``equal`` where φ does not depend on ‖ξ‖, so that = stands for ≈."""
    relation = "=" if flag(equal, "equal") else r"\simeq"
    first = (
        rf"(R_k)_{{11}} &{relation} \varphi\, S_k + \eta_k I_d, \qquad S_k = \tfrac{{1}}{{k}} \sum_{{j \le k}} \xi_j \xi_j^\top,"
        r" \qquad k = \kappa d"
    )
    body = first + " \\\\\n  " + _filled(_TASK_ENTRIES, entries)
    return align(f"given the k training tasks; target {ascii_name(target)}", body)


_LIMIT_ENTRIES = {
    "signal": r"a_1 &= c_1^* = {}",
    "second": r"v &= \mathbb{E}\,\sigma_*(g)^2 + \rho = {}",
    "fresh": r"R_\infty &= a_1^2 + \frac{v}{\alpha} = {}",
    "trace": r"\lim \frac{t}{d} &= {}",
    "q": r"q &= {}",
}


def limit_covariance(target: str, entries: Mapping[str, sympy.Expr], *, unit_inputs: bool) -> str:
    r"""The limit of the covariance, as an ``align*`` block."""
    first = (
        r"R &= a_1^2\, S_k + \frac{v}{\alpha}\, I, \qquad \alpha = \ell / d, \qquad"
        r" \operatorname{Cov}\bigl((F^\top h)_i, z\bigr) \sim \mathcal{N}(0, q / d)"
    )
    body = first + " \\\\\n  " + _filled(_LIMIT_ENTRIES, entries)
    return align(f"d -> infinity; {context_comment(unit_inputs)}; target {ascii_name(target)}", body)


_NORM_MOMENTS = {"a_1": "a_1", "theta_a": r"\theta a", "v": "v", "p": "p", "w_3": "w_3", "w_4": "w_4"}


def norm_law(
    target: str, variance: sympy.Expr | None, moments: Mapping[str, sympy.Expr], *, unit_inputs: bool, sphere: bool
) -> str:
    r"""The variance of ‖h‖²/t to order 1/d, as an ``align*`` block: the formula, the moments in it, and its value if there is one."""
    unit_inputs, sphere = flag(unit_inputs, "unit_inputs"), flag(sphere, "sphere")
    moments = mapping(moments, "moments", read_exact)
    variance = known(variance, "variance")
    beta = r"\frac{1}{\alpha} + 2 v" if unit_inputs else r"\frac{1}{\alpha}"
    trace = r"a_1^2 + \frac{v}{\alpha} + v^2" if unit_inputs else r"a_1^2 + \frac{v}{\alpha}"
    task = "" if sphere else r"2 \bigl(a_1 \theta a + \tfrac{\beta p}{2}\bigr)^2 + "
    lines = [
        r"\operatorname{Var} \frac{\|h\|^2}{t} &= \frac{C}{d} + O(d^{-2}), \qquad"
        rf" T = {trace}, \qquad \beta = {beta}, \qquad \theta a = c_1^* + c_3^*",
        rf"C &= 2 + \frac{{1}}{{T^2}} \Bigl[{task}\tfrac{{4 a_1^2 (p + v - a_1^2) + 4 a_1 \beta (w_3 - a_1 v)"
        r" + \beta^2 (w_4 - v^2)}{\alpha} + \tfrac{2 v^2}{\alpha^2}\Bigr]",
        *(
            r",\quad ".join(
                rf"{_NORM_MOMENTS[name]} {'&' if i == 0 else ''}= {exact(moments[name])}" for i, name in enumerate(row)
            )
            for row in (("a_1", "theta_a", "v"), ("p", "w_3", "w_4"))
        ),
        *([rf"C &= {exact(variance)}"] if variance is not None else []),
    ]
    return align(f"fluctuations of the norm; {context_comment(unit_inputs)}; target {ascii_name(target)}", " \\\\\n  ".join(lines))
