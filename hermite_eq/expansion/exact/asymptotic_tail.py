r"""How fast :math:`c_k^2/k!` falls: leading asymptotics in closed form.

With :math:`h_k = \mathrm{He}_k/\sqrt{k!}` and the Plancherel-Rotach (Fejér) form

.. math:: h_k(x) = \Bigl(\frac{2}{\pi k}\Bigr)^{1/4} e^{x^2/4} \cos\bigl(\sqrt k\,x - k\pi/2\bigr)\,(1 +
    o(1)),

* a jump J of :math:`\sigma^{(i)}` at a contributes :math:`\varphi(a)\,J\,\mathrm{He}_{k-1-i}(a)` to
  :math:`c_k`, hence :math:`J^2 e^{-a^2/2} k^{-i-3/2} \cos^2(\cdot) / (\sqrt2\,\pi^{3/2})` to
  :math:`c_k^2/k!`; the lowest order i wins;
* a Gaussian or an error function has the ratio :math:`\rho = |1-\gamma|/\gamma`, γ = 1 − 2β or 1 + 2a²:
  :math:`T_k^2/k! = T_0^2\,\rho^k\,h_k(y)^2` with :math:`y = \mu/\sqrt{\gamma(\gamma-1)}`. A factor x
  multiplies the amplitude of :math:`T_k/\sqrt{k!}` by :math:`\sqrt k\,(\rho^{-1/2} \mp \rho^{1/2})`, − for
  γ > 1, and turns its phase by π/2; an error function is :math:`(2a/\sqrt\pi)\,T_{k-1}`, which multiplies
  it by :math:`(2a/\sqrt\pi)\,(k\rho)^{-1/2}` and turns the phase by π/2 too, so that :math:`x^n` times a
  Gaussian and :math:`x^{n+1} \operatorname{erf}` interfere;
* an exponential :math:`x^n e^{\alpha x}` on the line has :math:`c_k \sim k^n \alpha^{k-n} e^{\alpha^2/2}`.

Where a squared cosine occurs, the mean 1/2 over its phase is taken: cross terms of different phases have
mean zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import sympy
from sympy import Expr, S

from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.exact.family import Function, Kernel, Polynomial, by_kernel, expression, linear_in_trigonometric
from hermite_eq.expansion.exact.general_form import K
from hermite_eq.expansion.exact.moments import weight_of
from hermite_eq.expansion.exact.piecewise import sign_of
from hermite_eq.hermite import X

#: Orders of derivatives searched for a jump.
_DEEPEST_JUMP = 12

V = TypeVar("V")


@dataclass(frozen=True)
class Tail:
    r"""Leading asymptotics of :math:`c_k^2/k!` as k → ∞.

    Attributes
    ----------
    kind : {"finite", "factorial", "geometric", "algebraic"}
        Zero beyond some degree (polynomials); :math:`C k^{2n} |\alpha|^{2k}/k!`; :math:`C k^{m}\rho^k`;
        :math:`C k^{-p}`.
    leading : sympy.Expr
        The mean of :math:`c_k^2/k!` over its phase, in the integer symbol ``k``.
    exponent : sympy.Expr
        The power of k in ``leading``.
    ratio : sympy.Expr
        The limit of successive ratios of ``leading``: 0, 0, ρ < 1, 1.
    oscillates : bool
        Whether :math:`c_k^2/k!` is ``leading`` times a factor 2 cos² (then it exceeds it up to twofold, and
        may vanish for one parity), or ``leading`` itself.

    Examples
    --------
    >>> from hermite_eq.expansion.exact import tail
    >>> relu = tail(sympy.Max(X, 0))
    >>> relu.kind, relu.exponent, relu.leading
    ('algebraic', -5/2, sqrt(2)/(4*pi**(3/2)*k**(5/2)))
    """

    kind: Literal["finite", "factorial", "geometric", "algebraic"]
    leading: Expr
    exponent: Expr
    ratio: Expr
    oscillates: bool
    k: sympy.Symbol = K

    @property
    def residual2(self) -> Expr:
        r"""Leading asymptotics of :math:`c_r^{*2} = \sum_{k>r} c_k^2/k!` in ``k`` = r, for an algebraic tail.

        >>> from hermite_eq.expansion.exact import tail
        >>> tail(sympy.sign(X)).residual2
        2*sqrt(2)/(pi**(3/2)*sqrt(k))

        Raises
        ------
        HypothesisError
            The tail is not algebraic; the residual is then of the size of its first terms, and depends on
            the parity of r.
        """
        if self.kind != "algebraic":
            raise HypothesisError(
                "the residual averages over the phase",
                f"a {self.kind} tail",
                "sum the first terms c_k²/k! beyond r",
            )
        return self.leading * self.k / (-self.exponent - 1)


def _largest(items: Sequence[tuple[Expr, V]]) -> list[V] | None:
    """The values whose key is largest; None if the keys cannot be compared."""
    best: list[V] = []
    top: Expr | None = None
    for key, value in items:
        comparison = 1 if top is None else sign_of(sympy.expand(key - top))
        if comparison is None:
            return None
        if comparison > 0:
            top, best = key, []
        if comparison >= 0:
            best.append(value)
    return best


def _vanishes(jump: Expr) -> bool:
    """Whether a jump is zero; a number below 1e-40 counts as zero even where radicals hide it."""
    return sympy.simplify(jump) == 0 if jump.free_symbols else sign_of(jump) in (0, None)


def _algebraic(function: Function) -> Tail | None:
    jumps: list[tuple[Expr, tuple[int, Expr, Expr]]] = []
    for left, right, edge in zip(function.values[:-1], function.values[1:], function.edges[1:-1], strict=True):
        difference = expression(right) - expression(left)
        for order in range(_DEEPEST_JUMP):
            jump = linear_in_trigonometric(sympy.expand(difference.subs(X, edge)))
            if not _vanishes(jump):
                jumps.append((sympy.Integer(-order), (order, jump, edge)))
                break
            difference = sympy.diff(difference, X)
        else:
            return None
    steepest = _largest(jumps)
    if steepest is None:
        return None
    order = steepest[0][0]
    constant = sympy.Add(*(jump**2 * sympy.exp(-(edge**2) / 2) for _, jump, edge in steepest))
    exponent = -sympy.Rational(2 * order + 3, 2)
    leading = constant / (2 * sympy.sqrt(2) * sympy.pi ** sympy.Rational(3, 2)) * K**exponent
    return Tail("algebraic", leading, exponent, S.One, oscillates=True)


def _top(polynomial: Polynomial) -> tuple[int, Expr, Expr]:
    degree = max(polynomial)
    return degree, *polynomial[degree]


def _geometric(kernels: dict[Kernel, Polynomial]) -> Tail | None:
    # (ρ, m): the tail is ρ^k k^{m−1/2}; contributions of equal γ and μ add up with the sign of their phase.
    entries: list[tuple[Expr, tuple[int, Expr, Expr, Expr]]] = []
    for kernel, polynomial in kernels.items():
        if not kernel.erfs and kernel.beta == 0:
            continue
        weight = weight_of(kernel)
        degree, amplitude, _ = _top(polynomial)
        power, turns = degree, degree
        if kernel.erfs:
            if (kernel.mu, kernel.omega, kernel.beta) != (0, 0, 0) or len(kernel.erfs) > 1:
                return None
            ((a, b),) = kernel.erfs
            weight = weight.narrowed(a, b)
            power, turns = degree - 1, degree + 1
            amplitude *= 2 * a / sympy.sqrt(sympy.pi)
        above = sign_of(weight.gamma - 1)
        if weight.omega != 0 or above is None or (above < 0 and weight.mu != 0):
            return None
        rho = sympy.cancel(above * (weight.gamma - 1) / weight.gamma)
        grown = 1 / sympy.sqrt(rho) - above * sympy.sqrt(rho)
        amplitude *= grown**degree * sympy.exp(weight.ell)
        if kernel.erfs:
            amplitude /= sympy.sqrt(rho)
        # Phases differ by multiples of π between the contributions that can interfere.
        amplitude *= (-1) ** (turns // 2)
        entries.append((rho, (power, amplitude, weight.gamma, weight.mu)))
    by_ratio = _largest([(rho, (rho, entry)) for rho, entry in entries])
    if by_ratio is None:
        return None
    rho = by_ratio[0][0]
    power = max(entry[0] for _, entry in by_ratio)
    amplitudes: dict[tuple[Expr, Expr], Expr] = {}
    for _, (own, amplitude, gamma, mu) in by_ratio:
        if own == power:
            amplitudes[gamma, mu] = amplitudes.get((gamma, mu), S.Zero) + amplitude
    constant = S.Zero
    for (gamma, mu), amplitude in amplitudes.items():
        if sympy.simplify(amplitude) == 0:
            return None
        # T_0² e^{y²/2} with T_0² = e^{μ²/γ}/γ
        growth = mu**2 / gamma + (mu**2 / (2 * gamma * (gamma - 1)) if mu != 0 else S.Zero)
        constant += sympy.expand(amplitude**2) * sympy.exp(sympy.cancel(growth)) / gamma
    exponent = sympy.Integer(power) - sympy.Rational(1, 2)
    leading = sympy.factor_terms(constant) / sympy.sqrt(2 * sympy.pi) * K**exponent * rho**K
    return Tail("geometric", leading, exponent, rho, oscillates=True)


def _factorial(kernels: dict[Kernel, Polynomial]) -> Tail | None:
    waves = [(kernel, *_top(polynomial)) for kernel, polynomial in kernels.items() if (kernel.mu, kernel.omega) != (0, 0)]
    if not waves:
        return Tail("finite", S.Zero, S.Zero, S.Zero, oscillates=False)
    sizes = [(wave[0].mu ** 2 + wave[0].omega ** 2, wave) for wave in waves]
    fastest = _largest(sizes)
    if fastest is None:
        return None
    degree = max(wave[1] for wave in fastest)
    fastest = [wave for wave in fastest if wave[1] == degree]
    leading = S.Zero
    for kernel, _, re, im in fastest:
        half = S.One if kernel.omega == 0 else sympy.Rational(1, 2)
        leading += half * linear_in_trigonometric(re**2 + im**2) * sympy.exp(kernel.mu**2 - kernel.omega**2)
    kernel = fastest[0][0]
    size = kernel.mu**2 + kernel.omega**2
    leading = leading * K ** (2 * degree) * size ** (K - degree) / sympy.factorial(K)
    oscillates = len(fastest) > 1 or kernel.omega != 0
    return Tail("factorial", leading, sympy.Integer(2 * degree), S.Zero, oscillates)


def leading_tail(function: Function) -> Tail | None:
    """The tail of a function of the family, None where none of the cases above dominates."""
    if len(function.values) > 1:
        return _algebraic(function)
    kernels = {kernel: pieces.values[0] for kernel, pieces in by_kernel(function).items()}
    if any(kernel.erfs or kernel.beta != 0 for kernel in kernels):
        return _geometric(kernels)
    return _factorial(kernels)
