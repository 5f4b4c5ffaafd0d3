"""coefficients(sigma) and the expansion it returns: exact where a closed form exists, in double precision, and enclosed."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

import numpy as np
import sympy
from numpy.typing import DTypeLike, NDArray

from hermite_eq import hermite
from hermite_eq import latex as tex
from hermite_eq.activations import Activation, activation, rescaled
from hermite_eq.activations.evaluation import nearest_double, vanishes
from hermite_eq.arguments import count, one_of, shown
from hermite_eq.errors import ArgumentTypeError, DegreeError, HypothesisError
from hermite_eq.expansion.enclosure import Enclosure, check_digits, enclose_number
from hermite_eq.expansion.exact import LARGEST_DEGREE, exact_coefficients, exact_inner, general_coefficient, supported

# The package's function of that name hides its module from all but the type checker.
from hermite_eq.expansion.exact import tail as leading_tail
from hermite_eq.expansion.node_table import double_degree, sqrt_factorial
from hermite_eq.expansion.quadrature import QuadratureEstimate, quadrature, remainders
from hermite_eq.hermite import check_degree

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Printable:
    """Coefficients as they are printed.

    Attributes
    ----------
    c : tuple
        SymPy numbers, decimals, or floats.
    radii : list or None
        Of their errors; None of exact numbers.
    provenance : str
    estimated : bool
        Whether the radii are estimates, and not proven.
    """

    c: tuple[Any, ...]
    radii: list[Any] | None
    provenance: str
    estimated: bool = False


@dataclass(frozen=True)
class HermiteExpansion:
    r"""The Hermite coefficients :math:`c_k=\mathbb E[\sigma(g)\,\mathrm{He}_k(g)]`, k ≤ ``degree``, of one activation.

    Three routes to the same numbers, each with its own kind of error, and each computed when first asked for:

    - *exact*: ``c[k]``, ``c.c``, ``c.exact``, ``c.norm2``, ``c.residual(r)`` are SymPy numbers where a closed form exists;
    - *double precision*: ``np.asarray(c)``, the exact numbers rounded or else quadrature, with their errors ``c.errors``;
    - *enclosed*: ``c.enclosure(k, digits)``, with proven bounds.

    Attributes
    ----------
    activation : Activation
    degree : int

    Examples
    --------
    >>> c = coefficients("relu", degree=4)
    >>> c[1], c[3], c.norm2
    (1/2, 0, 1/2)
    >>> c.residual(1)
    sqrt(1/4 - 1/(2*pi))
    >>> np.asarray(coefficients("tanh", degree=3)).round(6)
    array([ 0.      ,  0.605706,  0.      , -0.363595])
    """

    activation: Activation
    degree: int

    def __str__(self) -> str:
        return f"{self.activation}: c_0 … c_{self.degree} ({self.method}{self._condition})"

    def __repr__(self) -> str:
        return f"HermiteExpansion(activation={self.activation!r}, degree={self.degree}{self._condition})"

    @property
    def _condition(self) -> str:
        if self.activation.expression is not None:
            return ""
        return f", if {self.activation} has no feature narrower than {self.resolution:.2g}"

    def __len__(self) -> int:
        return self.degree + 1

    def __iter__(self) -> Iterator[Any]:
        return iter(self.c)

    def __getitem__(self, k: SupportsIndex | slice) -> Any:
        """:math:`c_k`: an exact SymPy number if there is a closed form, else a float; of a slice a tuple, from the end where k < 0.

        Raises
        ------
        DegreeError
            Beyond the degree of the expansion; it is an IndexError too.
        """
        try:
            return self.c[k]
        except IndexError:
            needed = max(operator.index(k), ~operator.index(k))  # type: ignore[arg-type]
            raise DegreeError(
                f"c[k] is asked of an expansion up to degree {self.degree}, k = {-self.degree - 1} … {self.degree}",
                f"k = {k} for {self.activation}",
                f"ask for coefficients(…, degree={needed})",
            ) from None
        except TypeError:
            raise ArgumentTypeError("a coefficient is chosen by its degree, or by a slice", f"k = {shown(k)}", "pass c[1]") from None

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """:math:`c_0,\\dots,c_K` in double precision: the exact numbers rounded, where they are known, else by quadrature; see
        ``errors``.
        """
        if copy is False:
            raise ValueError("the array of an expansion is always a new one")
        return np.asarray(self._double, dtype=dtype).copy()

    @property
    def _numeric(self) -> bool:
        """Whether the closed forms are numbers: known, and free of parameters."""
        return self.exact is not None and not self.activation.parameters

    @cached_property
    def _double(self) -> NDArray[np.float64]:
        if self._numeric:
            return np.array(_rounded(self.activation.expression, double_degree(self.degree)))
        return self.estimate.values * _square_roots(self.degree)

    @cached_property
    def estimate(self) -> QuadratureEstimate:
        r"""The double-precision :math:`c_k/\sqrt{k!}` and :math:`\mathbb E\sigma^2` with their estimated errors.

        Raises
        ------
        HypothesisError
            If the expression has parameters without numbers, or the function is not square integrable.
        """
        return quadrature(self.activation, self.degree)

    @property
    def errors(self) -> NDArray[np.float64]:
        """Absolute errors of ``np.asarray(c)``: half a unit in the last place where the exact numbers are known (0 of a zero), else
        estimated.

        Of a bare callable they hold *if* the function has no feature narrower than :attr:`resolution`, other than at declared kinks:
        no finite number of values excludes one.
        """
        if self._numeric:
            return np.where([c == 0 for c in self.c], 0.0, np.maximum(np.spacing(np.abs(self._double)) / 2, np.nextafter(0, 1)))
        return self.estimate.errors * _square_roots(self.degree)

    @property
    def resolution(self) -> float:
        """Largest distance, for ``|x| ≤ 6``, between neighbouring points at which a bare callable was looked at; of an expression 0: it is
        read off where an expression may vary.

        >>> c = coefficients(lambda x: x + 100 * (np.abs(x - 1.234) < 0.005), 2)
        >>> round(float(np.asarray(c)[0]), 4), 0 < c.resolution < 0.001
        (0.1863, True)
        """
        return self.estimate.resolution if self.activation.expression is None else 0.0

    @cached_property
    def exact(self) -> tuple[sympy.Expr, ...] | None:
        """All :math:`c_k` in closed form, or None where none is known."""
        expression = self.activation.expression
        return None if expression is None else _exact(expression, self.degree)

    @property
    def method(self) -> Literal["exact", "quadrature"]:
        """How ``c[k]`` was obtained: ``"exact"`` (a closed form) or ``"quadrature"`` (doubles, errors in ``errors``)."""
        return "quadrature" if self.exact is None else "exact"

    @cached_property
    def c(self) -> tuple[Any, ...]:
        """All :math:`c_k`: exact SymPy numbers if there is a closed form, else floats."""
        return tuple(self._double.tolist()) if self.exact is None else self.exact

    @property
    def orthonormal(self) -> tuple[Any, ...]:
        r""":math:`c_k/\sqrt{k!}`."""
        return hermite.orthonormal(self.c)

    @property
    def weights(self) -> tuple[Any, ...]:
        r""":math:`c_k/k!`, the weights of :math:`\mathrm{He}_k`."""
        return hermite.polynomial_weights(self.c)

    @property
    def physicists(self) -> tuple[Any, ...]:
        r""":math:`2^{-k/2}c_k/k!`, the weights of the physicists' :math:`H_k(x/\sqrt2)`, see
        :func:`hermite_eq.hermite.physicists_weights`.
        """
        return hermite.physicists_weights(self.c)

    @cached_property
    def norm2(self) -> Any:
        r""":math:`\mathbb E\,\sigma(g)^2`: exact if there is a closed form, else a float."""
        return self.estimate.norm2 if self._exact_norm2 is None else self._exact_norm2

    @cached_property
    def _exact_norm2(self) -> sympy.Expr | None:
        expression = self.activation.expression
        return None if expression is None else _exact_square(expression)

    def residual(self, r: int) -> Any:
        r"""The residual :math:`c_r^*=\bigl(\mathbb E\sigma^2-\sum_{k\le r}c_k^2/k!\bigr)^{1/2}`, exact where all of these are.

        In double precision it is the norm of the remainder, whose absolute error is that of one coefficient.

        Parameters
        ----------
        r : int
            At most ``degree``.
        """
        r = self._within(r, "r")
        if self.exact is None or self._exact_norm2 is None:
            return float(self._remainders[r])
        square = sympy.expand(self._exact_norm2 - sum(c**2 / sympy.factorial(k) for k, c in enumerate(self.exact[: r + 1])))
        return sympy.Integer(0) if not square.free_symbols and vanishes(square) else sympy.sqrt(square)

    @cached_property
    def _remainders(self) -> NDArray[np.float64]:
        if self._numeric and self._exact_norm2 is not None:
            return np.array([nearest_double(self.residual(r)) for r in range(self.degree + 1)])
        return remainders(self.activation, self.degree)

    @cached_property
    def general(self) -> Any:
        """The closed form of :math:`c_k` in a symbolic k with its range of validity, or None where none is known."""
        expression = self.activation.expression
        return None if expression is None else general_coefficient(expression)

    @cached_property
    def tail(self) -> Any:
        """How :math:`c_k^2/k!` decays with k, or None where this is not known."""
        expression = self.activation.expression
        return None if expression is None else leading_tail(expression)

    def enclosure(self, k: int, digits: int = 50) -> Enclosure:
        r"""An interval which provably contains :math:`c_k`, with ``digits`` significant digits.

        Raises
        ------
        HypothesisError
            For a bare callable (a formula is needed), a parameter without a number, or more digits than can be certified.

        Examples
        --------
        >>> enclosure = coefficients("tanh").enclosure(1, digits=30)
        >>> enclosure.latex(20), enclosure.digits >= 30
        ('0.60570550960215882558', True)
        """
        from hermite_eq.expansion.certified import enclosed_coefficient

        k = self._within(k, "k")
        if self._numeric and self._extreme(self.c[k]):
            return enclose_number(self.c[k], check_digits(digits))
        return enclosed_coefficient(self.activation, k, digits, self.degree)

    @staticmethod
    def _extreme(value: sympy.Expr) -> bool:
        """Whether a number is so far from 1 that a rule with an absolute error would spend all its digits on the scale."""
        return not 1e-30 < abs(nearest_double(value)) < 1e30 and not vanishes(value)

    def norm2_enclosure(self, digits: int = 50) -> Enclosure:
        r"""An interval which provably contains :math:`\mathbb E\,\sigma(g)^2`, with ``digits`` significant digits."""
        from hermite_eq.expansion.certified import enclosed_norm2

        exact = None if self.activation.parameters else self._exact_norm2
        if exact is not None and self._extreme(exact):
            return enclose_number(exact, check_digits(digits))
        return enclosed_norm2(self.activation, digits)

    def residual_enclosure(self, r: int, digits: int = 50) -> Enclosure:
        r"""An interval which provably contains :math:`c_r^*`, with ``digits`` significant digits *of the difference*."""
        from hermite_eq.expansion.certified import enclosed_residual

        r = self._within(r, "r")
        if self._numeric and self._exact_norm2 is not None and self._extreme(self._exact_norm2):
            return enclose_number(self.residual(r), check_digits(digits))
        return enclosed_residual(self.activation, r, digits)

    def _within(self, k: int, name: str) -> int:
        k = check_degree(k, name=name)
        if k > self.degree:
            raise HypothesisError(
                f"{name} is at most the degree of the expansion",
                f"{name}={k} > degree={self.degree}",
                f"ask for coefficients(…, degree={k})",
            )
        return k

    def latex(self, form: Literal["sum", "align", "table", "general"] = "sum", *, digits: int = 6) -> str:
        r"""TeX, exact where the coefficients are, else decimals of which only certain digits are shown.

        The digits are certain by enclosures; where there is none, by the estimated error of double precision, and then it says so.

        Parameters
        ----------
        form : {"sum", "align", "table", "general"}
            :math:`\sigma(x)=\sum_k(c_k/k!)\,\mathrm{He}_k(x)+\cdots` in one line; the same as an ``align*`` block; a booktabs table of
            exact beside rounded values; :math:`c_k` for all k.
        digits : int
            Significant digits at most.

        Raises
        ------
        HypothesisError
            For an unknown form, or ``"general"`` where no closed form in k is known.

        Examples
        --------
        >>> print(coefficients("square").latex())
        \sigma(x) = 1 + \mathrm{He}_{2}(x)
        >>> print(coefficients("tanh", degree=3).latex())
        \sigma(x) = 0.605706\, \mathrm{He}_{1}(x) - 0.0605992\, \mathrm{He}_{3}(x) + \cdots
        """
        one_of(
            form,
            ("sum", "align", "table", "general"),
            "form",
            requirement='a form of TeX is "sum", "align", "table" or "general"',
            repair='pass form="table", say',
        )
        if form == "general":
            if self.general is None:
                raise HypothesisError(
                    "c_k has a known closed form in k",
                    f"none for {self.activation}{self._obstacle()}",
                    'pass form="table"; np.asarray(c) and c.enclosure(k) give the numbers',
                )
            return str(self.general.latex())
        printed = self.printable(digits)
        c, radii, provenance = printed.c, printed.radii, printed.provenance
        complete = self.exact is not None and self._exact_norm2 is not None and self.residual(self.degree) == 0
        if form == "sum":
            rest = "" if complete else r" + \cdots"
            words = r" \qquad \text{(digits by the estimated error)}" if printed.estimated else ""
            return rf"\sigma(x) = {tex.hermite_sum(c, radius=radii, digits=digits)}{rest}{words}"
        if form == "align":
            return tex.expansion_align(c, radius=radii, complete=complete, digits=digits, provenance=provenance)
        return tex.coefficient_table(c, radius=radii, digits=digits, provenance=provenance)

    def _obstacle(self) -> str:
        if self.activation.expression is None:
            return ", a bare callable"
        return "" if (support := supported(self.activation.expression)) else f": {support.reason}"

    def printable(self, digits: int) -> Printable:
        """Coefficients to print, the radii of their errors, and where they come from."""
        name = f"coefficients of {self.activation}"
        if self.exact is not None:
            rounded = "" if all(map(tex.is_symbolic, self.exact)) else ", rounded where their integers have more than 30 digits"
            return Printable(self.exact, None, f"{name}: closed forms{rounded}")
        estimate = f"{name}: double-precision quadrature, digits by its estimated error"
        if self.activation.expression is None:
            return Printable(self.c, list(self.errors), estimate, estimated=True)
        try:
            enclosures = [self.enclosure(k, digits + 6) for k in range(self.degree + 1)]
        except HypothesisError as refusal:
            # Doubles instead; a function without them, because it is not square integrable, is refused here.
            errors = list(self.errors)
            why = tex.ascii_name(f"no enclosure: {refusal.hypothesis}; found {refusal.finding}")
            return Printable(self.c, errors, f"{estimate}\n{why}", estimated=True)
        return Printable(tuple(item.mid for item in enclosures), [item.radius for item in enclosures], f"{name}: proven enclosures")

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def to_dataframe(self) -> pandas.DataFrame:
        r"""One row per degree: c_k exact (or None), as a double, its estimated error, :math:`c_k/\sqrt{k!}`, :math:`c_k/k!`, c_k*."""
        import pandas

        values = np.asarray(self)
        root = _square_roots(self.degree)
        return pandas.DataFrame(
            {
                "k": range(self.degree + 1),
                "exact": self.exact or [None] * (self.degree + 1),
                "c": values,
                "error": self.errors,
                "orthonormal": values / root,
                "weight": values / root**2,
                "residual": self._remainders,
            }
        ).set_index("k")


@lru_cache(maxsize=512)
def _exact(expression: sympy.Expr, degree: int) -> tuple[sympy.Expr, ...] | None:
    return exact_coefficients(expression, degree)


@lru_cache(maxsize=512)
def _exact_square(expression: sympy.Expr) -> sympy.Expr | None:
    return exact_inner(expression, expression)


@lru_cache(maxsize=512)
def _rounded(expression: sympy.Expr, degree: int) -> tuple[float, ...]:
    """The doubles nearest to the exact coefficients, which are known."""
    return tuple(map(nearest_double, _exact(expression, degree) or ()))


def _square_roots(degree: int) -> NDArray[np.float64]:
    return np.array([sqrt_factorial(k) for k in range(degree + 1)])


def coefficients(
    sigma: Any, degree: int = 8, *, kinks: Sequence[Any] | None = None, parameters: Collection[str] = (), variance: Any = 1
) -> HermiteExpansion:
    r"""The Hermite coefficients :math:`c_k=\mathbb E[\sigma(sg)\,\mathrm{He}_k(g)]`, k = 0 … ``degree``, g ~ N(0, 1), s² = ``variance``.

    Parameters
    ----------
    sigma : str, sympy.Expr, callable, or Activation
        Whatever :func:`hermite_eq.activations.activation` takes: ``"relu"``, ``"max(x - 1/3, 0)"``, ``sympy.tanh(x)``, ``numpy.tanh``.
    degree : int
    kinks : sequence of numbers, optional
        Of a callable: where it, or a derivative, jumps.
    parameters : sequence of str, optional
        Names of symbols in ``sigma`` that stay symbolic.
    variance : number or sympy.Expr, optional
        Of the pre-activations, :math:`s^2`; see :func:`hermite_eq.activations.rescaled`.

    Returns
    -------
    HermiteExpansion
        Lazy: exact, double-precision and enclosed values are computed when asked for.

    Raises
    ------
    HypothesisError
        For a degree that is no integer from 0 to 2000, and whatever :func:`hermite_eq.activations.activation` refuses. A function
        that is not square integrable is refused when numbers are asked for.

    References
    ----------
    [RT] Demir & Dogan 2025, arXiv 2509.15152, eq. (12).

    Examples
    --------
    >>> coefficients("abs", degree=2).c
    (sqrt(2)/sqrt(pi), 0, sqrt(2)/sqrt(pi))
    >>> c = coefficients(lambda x: np.maximum(x - 0.3, 0), degree=2, kinks=[0.3])
    >>> c.method, bool(np.all(c.errors < 1e-14))
    ('quadrature', True)
    >>> coefficients("relu", degree=2, variance=4).c
    (sqrt(2)/sqrt(pi), 1, sqrt(2)/sqrt(pi))
    >>> coefficients("(s*x)^2", degree=2, parameters=["s"]).c
    (s**2, 0, 2*s**2)
    """
    sigma = rescaled(activation(sigma, kinks=kinks, parameters=parameters), variance)
    return HermiteExpansion(sigma, count(degree, "degree", most=LARGEST_DEGREE))
