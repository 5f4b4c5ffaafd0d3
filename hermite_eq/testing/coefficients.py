r"""assert_hermite_coefficients: of a function by quadrature, of a random one (:math:`\hat\sigma_r` with its noise) by sampling."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from hermite_eq.activations import Activation
from hermite_eq.arguments import array, count, non_negative, outcome, seed, shown
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import HermiteExpansion, coefficients
from hermite_eq.hermite import orthonormal_values
from hermite_eq.memory import require_memory
from hermite_eq.models import PolynomialActivation
from hermite_eq.testing.check import Check, Verdict, conclude, detects, percent
from hermite_eq.testing.rates import POWER, checked_resolution, declared_rate

Array = NDArray[np.float64]
EXPECTED = "the expected coefficients are finite numbers c_0 … c_K"
#: Independent blocks, whose means are compared by Student's t.
BLOCKS = 64
#: The normal density beyond is 8e-23.
REACH = 10.0
#: Rounding of a closed form evaluated, and of a quadrature's sum, in units of the last place of ‖σ‖.
ROUNDING = 64 * float(np.finfo(float).eps)
#: How many times its estimate a quadrature's error may be: the estimate is no bound.
TIMES_ESTIMATED = 8


def assert_hermite_coefficients(
    f: Any,
    expected: Iterable[Any] | HermiteExpansion,
    *,
    residual: Any = None,
    accuracy: float = 0.0,
    kinks: Sequence[Any] | None = None,
    resolution: float = 0.02,
    samples: int = 2**18,
    rng: int = 0,
    rate: float | None = None,
) -> Check:
    r"""Assert that :math:`c_k=\mathbb E[f(g)\,\mathrm{He}_k(g)]`, k = 0 … K, are as expected, and the residual :math:`c_K^*` if given.

    A function of x alone is integrated; the difference may be at most eight times the quadrature's estimated error (which is
    no bound), rounding, and ``accuracy``.
    A random function (called as ``f(x, rng=generator)``, such as an equivalent activation with its noise z) is sampled: the
    :math:`c_k/\sqrt{k!}` of 64 independent blocks, each a trapezoidal rule with a random shift, have a mean whose Student t with 63 degrees
    of freedom is compared, and the residual is that of two evaluations at one g, :math:`\mathbb E\tfrac12(f-f')^2`. The blocks are normal
    up to the central limit theorem over the noise within each.

    Parameters
    ----------
    f : str, sympy.Expr, callable, Activation or PolynomialActivation
    expected : sequence of numbers, or HermiteExpansion
        :math:`c_0,\dots,c_K` in the package's normalisation.
    residual : number, optional
        :math:`c_K^*`; of a random function the standard deviation of its noise.
    accuracy : float
        Absolute accuracy of the expected numbers, 5e-4 for three decimals.
    kinks : sequence of numbers, optional
        Of a callable: where it, or a derivative, jumps.
    resolution : float
        Of a random function: what has to be seen with probability 99 %, relative to the root mean square of f.
    samples : int
        Of a random function: how many.
    rng : int
    rate : float, optional

    Returns
    -------
    Check

    Raises
    ------
    UniversalityError
        If a coefficient or the residual is another.
    HypothesisError
        If f is not finite, or the samples are too few to see ``resolution``.

    Examples
    --------
    >>> from hermite_eq import coefficients, equivalent_model
    >>> c = coefficients("relu", degree=3)
    >>> print(assert_hermite_coefficients(lambda x: np.maximum(x, 0), c, kinks=[0]).verdict)
    agrees
    >>> model = equivalent_model("relu", degree=3)
    >>> print(assert_hermite_coefficients(model, c, residual=c.residual(3)).verdict)
    agrees
    >>> assert_hermite_coefficients("tanh", [0, 0.606], accuracy=5e-4).p_value is None
    True
    """
    level = declared_rate(rate)
    values = array(
        expected.c if isinstance(expected, HermiteExpansion) else expected,
        "expected",
        dimensions=1,
        empty=True,
        requirement=EXPECTED,
        repair="pass [c_0, c_1, …]",
    )
    if not values.size:
        raise HypothesisError(EXPECTED, shown(expected), "pass [c_0, c_1, …]")
    wanted = (
        None
        if residual is None
        else non_negative(residual, "residual", requirement="a residual is a number ≥ 0", repair="pass coefficients(…).residual(K)")
    )
    accuracy = non_negative(accuracy, "accuracy", "the absolute accuracy of the expected numbers")
    resolution, rng = checked_resolution(resolution, most=1), seed(rng, "rng")
    samples = count(samples, "samples", "those of a random function")
    if _takes_noise(f):
        return _sampled(f, values, wanted, accuracy, resolution, samples, rng, level)
    return _integrated(f, values, wanted, accuracy, kinks, level)


def _takes_noise(f: Any) -> bool:
    if isinstance(f, PolynomialActivation):
        return True
    if isinstance(f, str | Activation) or not callable(f):
        return False
    try:
        return "rng" in inspect.signature(f).parameters
    except (TypeError, ValueError):
        return False


def _roots(count: int) -> Array:
    return np.array([math.sqrt(math.factorial(k)) for k in range(count)])


def _integrated(f: Any, expected: Array, residual: float | None, accuracy: float, kinks: Any, level: float) -> Check:
    expansion = coefficients(f, len(expected) - 1, kinks=kinks)
    c, root = np.asarray(expansion), _roots(len(expected))
    size = math.sqrt(float(expansion.norm2))
    _check_accuracy(accuracy, size)
    slack = TIMES_ESTIMATED * expansion.errors + ROUNDING * root * size + accuracy
    excess = np.abs(c - expected) / slack
    k = int(excess.argmax())
    finding = f"c_{k} is {c[k]:.8g} ± {slack[k]:.1g}, and {expected[k]:.8g} was expected"
    wrong = bool(excess[k] > 1)
    if residual is not None and not wrong:
        rest = float(expansion.residual(len(expected) - 1))
        allowance = accuracy + TIMES_ESTIMATED * float(expansion.estimate.errors.max()) + ROUNDING * size
        wrong = abs(rest - residual) > allowance
        finding = f"the residual c_{len(expected) - 1}* is {rest:.8g}, and {residual:.8g} was expected" if wrong else finding
    claim = f"{expansion.activation} has the coefficients c_0 … c_{len(expected) - 1} given"
    power = f"A difference of c_{k} beyond {slack[k]:.1g} would be seen"
    verdict = Verdict.DIFFERENT if wrong else Verdict.AGREES
    return conclude(Check("assert_hermite_coefficients", claim, verdict, None, level, finding, power))


def _check_accuracy(accuracy: float, size: float) -> None:
    """|c_k|/√k! ≤ ‖f‖: numbers known less accurately than that could be any."""
    if 0 < size <= accuracy:
        raise HypothesisError(
            "the expected numbers are more accurate than the function is large",
            f"accuracy={accuracy:g} where ‖f‖ = {size:.3g}",
            "pass accuracy=5e-4 for three decimals",
        )


def _sampled(
    f: Any, expected: Array, residual: float | None, accuracy: float, resolution: float, samples: int, rng: int, level: float
) -> Check:
    size = samples // BLOCKS
    if size < 2:
        raise HypothesisError(f"each of {BLOCKS} blocks has samples", f"samples={samples}", f"pass samples={2**18}")
    require_memory(8 * size * (len(expected) + 8), "the samples of a block", f"pass samples={2**18}")
    blocks = np.empty((BLOCKS, len(expected) + 1))
    squares = np.empty(BLOCKS)
    root = _roots(len(expected))
    for i, own in enumerate(np.random.SeedSequence(rng).spawn(BLOCKS)):
        generator = np.random.default_rng(own)
        # The trapezoidal rule with a random shift has the mean of the integral, and next to no scatter of its own.
        step = 2 * REACH / size
        g = (np.arange(size) + generator.uniform()) * step - REACH
        weight = step * np.exp(-g * g / 2) / math.sqrt(2 * math.pi)
        first, two = (array(outcome(f, "f", g, rng=generator), "the values of f", finite=False, empty=True, nan=True) for _ in range(2))
        if first.shape != g.shape:
            raise HypothesisError("a random function returns one value per entry", f"shape {first.shape} from {g.shape}", "vectorise it")
        if not (np.isfinite(first).all() and np.isfinite(two).all()):
            raise HypothesisError("the function is finite", "NaN or infinite values", "find where it overflows")
        blocks[i, :-1] = orthonormal_values(g, len(expected) - 1) @ (weight * first)
        blocks[i, -1] = weight @ (first - two) ** 2 / 2
        squares[i] = weight @ first**2
    norm = math.sqrt(float(squares.mean()))
    _check_accuracy(accuracy, norm)
    target = np.append(expected / root, 0.0 if residual is None else residual**2)
    slack = np.append(accuracy / root, 2 * accuracy * (residual or 0.0))
    stderr = blocks.std(axis=0, ddof=1) / math.sqrt(BLOCKS)
    tested = len(expected) + (residual is not None)
    # Rounding is all that is left where there is no noise.
    gaps = np.maximum(0.0, np.abs(blocks.mean(axis=0) - target) - slack - ROUNDING * norm)[:tested]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(gaps > 0, gaps / stderr[:tested], 0.0)
    k = int(t.argmax())
    p_value = min(1.0, 2 * tested * float(scipy.stats.t.sf(t[k], BLOCKS - 1)))
    mean = float(blocks[:, k].mean())
    finding = (
        f"c_{k}/√{k}! is {mean:.6g} ± {stderr[k]:.2g}, and {target[k]:.6g} was expected"
        if k < len(expected)
        else f"the residual's square is {mean:.6g} ± {stderr[k]:.2g}, and {target[k]:.6g} was expected"
    )
    factor = float(scipy.stats.t.isf(level / (2 * tested), BLOCKS - 1) + scipy.stats.norm.isf(1 - POWER))
    detectable = factor * float(stderr[:tested].max()) / norm if norm else 0.0
    verdict, repair = Verdict.AGREES, ""
    if p_value <= level:
        verdict = Verdict.DIFFERENT
    elif detectable > resolution:
        # Half as many again, for the standard error is itself an estimate.
        verdict, repair = Verdict.INCONCLUSIVE, f"pass samples={math.ceil(1.5 * samples * (detectable / resolution) ** 2)}"
    power = detects(f"a difference in some c_k/√k! of {percent(detectable)} of the root mean square of f")
    claim = f"{getattr(f, 'name', getattr(f, '__name__', 'the function'))} has the coefficients c_0 … c_{len(expected) - 1} given"
    return conclude(Check("assert_hermite_coefficients", claim, verdict, p_value, level, finding, power, repair))
