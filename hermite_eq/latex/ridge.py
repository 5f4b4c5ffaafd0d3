r"""The equations of ridge regression's deterministic equivalents."""

from __future__ import annotations


def ridge_equations() -> str:
    r"""Those of features of covariance Σ, for amsmath.

    >>> print(ridge_equations().splitlines()[0])
    \begin{aligned}
    """
    return "\n".join(
        [
            r"\begin{aligned}",
            r"n - \frac{\lambda}{\nu} &= \operatorname{tr} \Sigma (\Sigma + \nu)^{-1}, \\",
            r"\Upsilon &= \tfrac1n \operatorname{tr} \Sigma^2 (\Sigma + \nu)^{-2}, \\",
            r"e &= \frac{\nu^2 \beta^\top (\Sigma + \nu)^{-2} \beta + \sigma^2}{1 - \Upsilon}",
            r"\end{aligned}",
        ]
    )


def random_feature_equations() -> str:
    r"""Those of p random features whose kernel has the eigenvalues Σ, for amsmath.

    >>> print(random_feature_equations().splitlines()[1])
    n - \frac{\lambda}{\nu_1} &= p - \frac{p\,\nu_1}{\nu_2} = \operatorname{tr} \Sigma (\Sigma + \nu_2)^{-1}, \\
    """
    return "\n".join(
        [
            r"\begin{aligned}",
            r"n - \frac{\lambda}{\nu_1} &= p - \frac{p\,\nu_1}{\nu_2} = \operatorname{tr} \Sigma (\Sigma + \nu_2)^{-1}, \\",
            r"\Upsilon &= \frac pn \Bigl[\Bigl(1 - \frac{\nu_1}{\nu_2}\Bigr)^2 + \Bigl(\frac{\nu_1}{\nu_2}\Bigr)^2"
            r" \frac{\operatorname{tr} \Sigma^2 (\Sigma + \nu_2)^{-2}}{p - \operatorname{tr} \Sigma^2 (\Sigma + \nu_2)^{-2}}\Bigr], \\",
            r"e &= \frac{1}{1 - \Upsilon} \Bigl[\nu_2^2 \beta^\top (\Sigma + \nu_2)^{-2} \beta + \nu_2^2\,"
            r"\frac{\operatorname{tr} \Sigma (\Sigma + \nu_2)^{-2}}{p - \operatorname{tr} \Sigma^2 (\Sigma + \nu_2)^{-2}}\,"
            r"\beta^\top \Sigma (\Sigma + \nu_2)^{-2} \beta + \sigma^2\Bigr]",
            r"\end{aligned}",
        ]
    )
