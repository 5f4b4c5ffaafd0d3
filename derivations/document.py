"""The derivations as one LaTeX document: notation, statements with their steps, worked examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from derivations import Result, Step
from hermite_eq import RandomTransformer, Ratios, Task, coefficients, covariance, equivalent_transformer
from hermite_eq.latex import side_by_side

#: Folders as chapters in the order of the argument, with the derivations in it.
CHAPTERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "coefficients",
        "Hermite coefficients and kernels",
        (
            "jump_formula",
            "gaussian_exponentials",
            "error_function",
            "coefficient_decay",
            "mehler",
            "dual_kernels",
            "layer_kernels",
            "gegenbauer_limit",
            "exponents",
            "trapezoid_error",
        ),
    ),
    (
        "contexts",
        "The context and its covariance",
        (
            "linear_attention",
            "context_law",
            "context_covariance",
            "task_averages",
            "norm_law",
            "context_norms",
            "head_moments",
            "structured_covariance",
            "given_weights",
            "quadratic_form_law",
            "effective_dimension",
            "softmax_context",
        ),
    ),
    (
        "features",
        "Gaussian pre-activations and the equivalent model",
        ("gaussian_preactivations", "conditional_gaussianity", "equivalent_coefficients", "conditional_coefficients", "gradient_step"),
    ),
    (
        "linear",
        "Errors of linear Transformers, and what nothing can beat",
        (
            "marchenko_pastur",
            "wishart_density",
            "linear_error",
            "task_gap",
            "ridgeless_limits",
            "task_covariances",
            "task_alignment",
            "full_attention",
            "bayes_context",
            "dmmse",
        ),
    ),
    (
        "heads",
        "Errors of random heads and of several sources",
        (
            "random_features",
            "given_covariances",
            "given_means",
            "context_types",
            "mixing_gradient",
            "spiked_features",
            "spiked_quadratics",
            "given_samples",
            "layer_moments",
            "test_contexts",
            "given_features",
        ),
    ),
    ("statistics", "Tests of universality", ("deviation_nulls", "robust_mean_test", "sequential_t_test")),
)

_NOTATION = (
    (r"\mathrm{He}_k", r"probabilists' Hermite polynomials, monic: $\mathrm{He}_2(x)=x^2-1$"),
    (r"g,\ z,\ \varphi", r"standard normal variables; the normal density"),
    (r"c_k", r"$\mathbb{E}[\sigma(g)\,\mathrm{He}_k(g)]$, so that $\sigma=\sum_k(c_k/k!)\,\mathrm{He}_k$"),
    (r"c_r^*", r"residual, $c_r^{*2}=\mathbb{E}\,\sigma(g)^2-\sum_{k\le r}c_k^2/k!$"),
    (r"c_k(s)", r"$\mathbb{E}[\sigma(sg)\,\mathrm{He}_k(g)]$; $\theta=s\frac d{ds}$"),
    (r"\sigma_*,\ \rho", r"target, variance of the label noise; $c_k^*$ for $k\ge0$ the target's coefficients where both occur"),
    (r"\xi,\ x_i,\ y_i", r"task $\mathcal{N}(0,I_d)$, inputs $\mathcal{N}(0,I_d/d)$, labels $\sigma_*(\xi^\top x_i)+\epsilon_i$"),
    (
        r"b,\ h",
        r"$b=(\frac d\ell\sum y_ix_i,\ \frac1\ell\sum y_i^2)$, $h=\operatorname{vec}H_Z=x_{\ell+1}\otimes b$, $H_Z=x_{\ell+1}b^\top$",
    ),
    (r"F,\ t", r"first layer with $\mathcal{N}(0,1/t)$ entries, $t=\operatorname{tr}\operatorname{Cov}(h)$"),
    (r"a_1,\ v", r"$c_1(\sigma_*)$, $\mathbb{E}\,\sigma_*(g)^2+\rho$"),
    (r"\alpha,\ \kappa,\ \tau,\ \mu", r"$\ell/d$, $k/d$, $n/d^2$, $m/d^2$ (context length, tasks, samples, neurons)"),
    (r"S_k,\ R,\ R_\infty", r"$\frac1k\sum\xi_j\xi_j^\top$; $a_1^2S_k+\frac v\alpha I$; $a_1^2+\frac v\alpha$"),
    (r"\lambda", r"penalty $\lambda\frac nd\|\cdot\|^2$"),
    (r"e_{\mathrm{ICL}},\ e_{\mathrm{IDG}}", "error on fresh tasks, on the training tasks"),
)

_PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,margin=25mm]{geometry}
\usepackage{amsmath,amssymb,amsthm,booktabs,longtable}
\newtheorem{theorem}{Theorem}[section]
\newtheorem{proposition}[theorem]{Proposition}
\setlength{\emergencystretch}{4em}
\renewcommand{\arraystretch}{1.25}
\allowdisplaybreaks
\title{Hermite equivalents of random Transformers:\\ derivations}
\author{}
\date{}
\begin{document}
\maketitle
\noindent Every step below has been confirmed by computer algebra or numerically; its reach is given in brackets. Steps marked
\emph{open} are used and not proved.
"""

#: Reaches are short phrases; these are the signs they may hold beside ASCII.
_SIGNS = {
    "ℓ": r"$\ell$",
    "σ": r"$\sigma$",
    "ρ": r"$\rho$",
    "κ": r"$\kappa$",
    "τ": r"$\tau$",
    "λ": r"$\lambda$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "δ": r"$\delta$",
    "η": r"$\eta$",
    "₃": "$_3$",
    "γ": r"$\gamma$",
    "ν": r"$\nu$",
    "μ": r"$\mu$",
    "ω": r"$\omega$",
    "θ": r"$\theta$",
    "Σ": r"$\Sigma$",
    "ξ": r"$\xi$",
    "Ξ": r"$\Xi$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≠": r"$\ne$",
    "→": r"$\to$",
    "∞": r"$\infty$",
    "×": r"$\times$",
    "−": "$-$",
    "*": r"$_*$",
    "<": "$<$",
    ">": "$>$",
    "=": "$=$",
    "ᵀ": r"$^\top$",
    "²": "$^2$",
    "⁻": "$^-$",
    "¹": "$^1$",
    "₀": "$_0$",
    "₁": "$_1$",
    "₂": "$_2$",
    "_": r"\_",
    "^": r"\^{}",
    "&": r"\&",
    "%": r"\%",
    "·": r"$\cdot$",
    "½": r"$\frac12$",
    "√": r"$\surd$",
    "…": r"\dots{}",
}


def reach_tex(reach: str) -> str:
    """A reach in TeX; an unknown sign is an error, not a blank.

    >>> print(reach_tex("k ≤ 12"))
    k $\\le$ 12
    """
    unknown = {sign for sign in reach if not sign.isascii()} - _SIGNS.keys()
    if unknown:
        raise ValueError(f"no TeX for {unknown} in the reach {reach!r}")
    return "".join(_SIGNS.get(sign, sign) for sign in reach)


def _steps(steps: Sequence[Step]) -> Iterator[str]:
    yield r"\begin{enumerate}"
    for tex, group in groupby(steps, key=lambda step: step.tex):
        reaches = list(dict.fromkeys(reach_tex(step.reach) for step in group))
        yield rf"\item {tex} \emph{{[{'; '.join(reaches)}]}}"
    yield r"\end{enumerate}"


def _section(result: Result) -> Iterator[str]:
    module = result.module
    yield rf"\subsection{{{module.TITLE}}}"
    yield r"\begin{proposition}"
    yield module.STATEMENT_TEX.strip()
    yield r"\end{proposition}"
    yield rf"\smallskip\noindent\emph{{Assumptions.}} {module.ASSUMPTIONS_TEX.strip()}"
    yield ""
    yield r"\smallskip\noindent\emph{Steps.}"
    yield from _steps(result.steps)


def _examples() -> Iterator[str]:
    yield r"\section{Worked examples}"
    yield r"Noise $\rho=0.01$, $\alpha=1$, $\kappa=\frac12$, $\tau=\frac32$, $\mu=1$. The coefficients of the three heads:"
    yield r"\begin{center}"
    yield side_by_side([(name, coefficients(name, 6).c) for name in ("relu", "tanh", "gelu")])
    yield r"\end{center}"
    where = Ratios(alpha=1, kappa=0.5, tau=1.5, mu=1)
    for head in ("relu", "tanh", "gelu"):
        theorem = equivalent_transformer(RandomTransformer(head, ridge=1e-8), Task("relu", noise=0.01), where)
        yield rf"\subsection{{Head {head}, target relu}}"
        yield theorem.latex()
    target = covariance(Task("relu", noise=0.01))
    yield r"\subsection{The covariance for the target relu}"
    yield r"Over fresh tasks, exact at every $d$ and $\ell$, with $z=\xi^\top x$:"
    yield target.averaged().latex()
    yield r"Given the training tasks:"
    yield target.over_tasks().latex()
    yield r"The fluctuations of the norm:"
    yield target.norm_law().latex()
    general = covariance(Task("relu", noise=0.01), covariances=True)
    yield r"\subsection{The same with covariances and means}"
    yield r"Given $\xi$, inputs of any mean and covariance:"
    yield general.latex()
    yield r"Over fresh tasks, inputs and tasks of mean zero:"
    yield general.averaged(1).latex()
    yield r"Given the training tasks, and in the limit:"
    yield general.over_tasks().latex()
    yield general.limit().latex()
    unit = covariance(Task("relu", noise=0.01, unit_inputs=True, unit_link=True), covariances=True)
    yield r"With the argument $\xi^\top x/(\|\xi\|\,\|\Sigma_x\|^{1/2})$ and inputs of $O(1)$ entries,"
    yield r"over fresh tasks to first order:"
    yield unit.averaged(1).latex()


def document(results: Sequence[Result]) -> str:
    """The whole document; it depends on the results alone."""
    proved = {result.name: result for result in results}
    head = [r"\begin{center}", r"\begin{tabular}{lp{0.72\textwidth}}", r"  \toprule", r"  symbol & meaning \\", r"  \midrule"]
    lines = [_PREAMBLE, r"\section{Notation}", *head]
    lines += [rf"  ${symbol}$ & {meaning} \\" for symbol, meaning in _NOTATION]
    lines += [r"  \bottomrule", r"\end{tabular}", r"\end{center}"]
    for _, title, names in CHAPTERS:
        members = [proved[name] for name in names if name in proved]
        if members:
            lines.append(rf"\section{{{title}}}")
            for result in members:
                lines += _section(result)
    lines += _examples()
    lines += [_status(results), r"\end{document}", ""]
    return "\n".join(lines)


def _status(results: Sequence[Result]) -> str:
    rows = []
    for result in results:
        counts = " & ".join(str(result.count(status)) for status in ("all", "cases", "open"))
        rows.append(rf"  {result.module.TITLE} & {counts} \\")
    return "\n".join(
        [
            r"\section{Status}",
            r"Number of steps that hold for all cases, that were checked in stated cases, and that are open.",
            r"\begin{longtable}{p{0.7\linewidth}rrr}",
            r"  \toprule",
            r"  derivation & all & cases & open \\",
            r"  \midrule",
            *rows,
            r"  \bottomrule",
            r"\end{longtable}",
        ]
    )


def write(folder: Path, results: Sequence[Result]) -> Path:
    """Write ``derivations.tex`` into ``folder``, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "derivations.tex"
    path.write_text(document(results), encoding="utf-8")
    return path
