"""A callable of the user: it gets its own copy of the points, in double precision, and its values are checked before they are used."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError, HypothesisWarning

Array = NDArray[np.float64]

#: Where a function is looked at before it is believed: both signs, no special point, inside the bulk of N(0, 1).
PROBE = np.linspace(-5.03, 5.11, 41)
PROBE.flags.writeable = False
#: Library functions take other code paths for other array lengths: a few units in the last place are not a difference.
_SLACK = 64
_NARROW = (np.float16, np.float32)


@dataclass(frozen=True)
class Guest:
    """The elementwise function of a user's callable; equal where the callables are, and picklable where they are.

    Attributes
    ----------
    function : callable
        As the user wrote it.
    name : str
        For messages.
    result : dtype, optional
        The type of its values over many points. An array of values of another type (``numpy.vectorize`` infers the type from the
        first point alone) is not believed: the function is then called point by point. None: not examined.
    scalar : bool
        The function takes numbers, not arrays.

    Examples
    --------
    >>> def relu(x):
    ...     x[x < 0] = 0
    ...     return x
    >>> x = np.array([-1.0, 2.0])
    >>> Guest(relu, "relu")(x), x
    (array([0., 2.]), array([-1.,  2.]))
    """

    function: Callable[..., Any]
    name: str
    result: np.dtype[Any] | None = None
    scalar: bool = False

    def __call__(self, x: NDArray[Any]) -> Array:
        """Values at ``x`` in its shape, float64."""
        x = np.asarray(x)
        # One row, of its own: functions may depend on the order of strides, write to their argument, or know one dimension only.
        points = np.array(x, dtype=float, order="C").ravel()
        if points.size == 0:
            return np.empty(x.shape)
        if self.scalar:
            return np.array([self._at(point) for point in points.tolist()]).reshape(x.shape)
        values = self.raw(points)
        if self._typed_by_first(values, points):
            values = np.array([_real(self.raw(points[i : i + 1]), self.name)[0] for i in range(points.size)])
        if values.shape != points.shape:
            raise HypothesisError(
                "an activation acts on every entry of an array",
                f"shape {values.shape} from shape {points.shape} by {self.name}",
                "return one value per entry, as numpy.full_like(x, 1.0) for a constant, or pass numpy.vectorize(f)",
            )
        return _real(values, self.name).reshape(x.shape)

    def raw(self, points: Array) -> NDArray[Any]:
        """What the function returns for a copy of ``points``, as an array of whatever type."""
        with np.errstate(all="ignore"):
            returned = self.function(points.copy())
        if np.ma.isMaskedArray(returned):
            # A masked entry is one without a value.
            return np.ma.filled(returned.astype(float), np.nan)
        return np.asarray(returned)

    def _typed_by_first(self, values: NDArray[Any], points: Array) -> bool:
        if self.result is None or points.size < 2 or values.shape != points.shape:
            return False
        if values.dtype != self.result:
            return True
        # Integers everywhere as far as examined: right, or rounded to the type of the first point.
        return values.dtype.kind in "biu" and not np.array_equal(self.raw(points[::-1])[::-1], values)

    def _at(self, point: float) -> float:
        with np.errstate(all="ignore"):
            try:
                value = np.asarray(self.function(point)).reshape(())
            except OverflowError:
                # Where NumPy returns inf and NaN, the functions of math raise.
                return np.inf
            except (ZeroDivisionError, ValueError):
                return np.nan
        return float(_real(value, self.name))


def _real(values: NDArray[Any], name: str) -> Array:
    """``values`` as float64, if they are real numbers of some type."""
    if values.dtype == object:
        if any(isinstance(value, str | bytes | complex | np.complexfloating) for value in values.flat):
            raise _not_real(values, name)
        try:
            return values.astype(float)
        except (TypeError, ValueError):
            raise _not_real(values, name) from None
    if values.dtype.kind == "c":
        raise HypothesisError(
            "an activation is real-valued on the real line", f"complex values of {name}", "take the real part, or |x| inside"
        )
    if values.dtype.kind not in "biuf":
        raise _not_real(values, name)
    return values.astype(float)


def _not_real(values: NDArray[Any], name: str) -> HypothesisError:
    return HypothesisError("an activation is real-valued", f"{name} with values of type {values.dtype}", "return floats")


def examined(function: Callable[..., Any], name: str) -> Guest:
    """The guest of ``function``, after looking at it in many orders of the points.

    Raises
    ------
    HypothesisError
        For a function that takes neither arrays nor numbers, does not act entry by entry, or differs from call to call; for values
        that are complex, NaN or no numbers.

    Warns
    -----
    HypothesisWarning
        For a function of numbers, which is called point by point, and for values in single or half precision.
    """
    guest = Guest(function, name)
    try:
        windows = [PROBE, PROBE[::-1], *(PROBE[start : start + 3] for start in range(PROBE.size - 2))]
        returned = [guest.raw(np.ascontiguousarray(window)) for window in windows]
    except HypothesisError:
        raise
    except Exception as failure:
        return _of_numbers(guest, failure)
    if returned[0].shape != PROBE.shape:
        raise HypothesisError(
            "a callable activation returns one value per entry (it is vectorised)",
            f"{name}, which turns shape {PROBE.shape} into {returned[0].shape}",
            "return an array of the argument's shape, as numpy.full_like(x, 1.0) for a constant",
        )
    guest = Guest(function, name, _common(returned, name))
    values = guest(PROBE)
    check_defined(name, PROBE, values)
    # The same points in other arrays and other orders, as the function is called later.
    _check_elementwise(name, values[::-1], guest(PROBE[::-1]), PROBE[::-1], epsilon(values))
    for start in range(PROBE.size - 2):
        part = slice(start, start + 3)
        _check_elementwise(name, values[part], guest(PROBE[part]), PROBE[part], epsilon(values))
    _warn_of_precision(guest, values)
    return guest


def _common(returned: list[NDArray[Any]], name: str) -> np.dtype[Any]:
    """The type which holds the values of every call."""
    for values in returned:
        _real(values, name)
    return np.result_type(*(values.dtype for values in returned))


def _of_numbers(guest: Guest, failure: Exception) -> Guest:
    """A function that fails on arrays, called with one number at a time."""
    scalar = Guest(guest.function, guest.name, scalar=True)
    try:
        values = scalar(PROBE)
        again = scalar(PROBE[::-1])
    except HypothesisError:
        raise
    except Exception:
        values = np.full(PROBE.size, np.nan)
    if np.all(np.isnan(values)):
        of_torch = "Tensor" in str(failure) or type(guest.function).__module__.startswith("torch")
        raise HypothesisError(
            "a callable activation takes arrays (it is vectorised)",
            f"{guest.name}, which raises {type(failure).__name__}: {failure}",
            "pass lambda x: f(torch.from_numpy(x)).detach().numpy()" if of_torch else "write it with numpy.where, numpy.maximum, …",
        ) from failure
    check_defined(guest.name, PROBE, values)
    _check_elementwise(guest.name, values[::-1], again, PROBE[::-1], epsilon(values))
    warnings.warn(
        HypothesisWarning(
            f"{guest.name} takes numbers, not arrays ({type(failure).__name__}): it is called point by point, a thousand times slower "
            "than a function written with numpy.where, numpy.maximum, …"
        ),
        stacklevel=5,
    )
    _warn_of_precision(scalar, values)
    return scalar


def check_defined(name: str, points: Array, values: Array) -> None:
    bad = np.flatnonzero(np.isnan(values))
    if bad.size:
        raise HypothesisError(
            "an activation has a value at every real number",
            f"{name} = NaN at x = {points[bad[0]]:.3g}",
            "define it there, with Piecewise or numpy.where",
        )


def _check_elementwise(name: str, values: Array, again: Array, points: Array, eps: float) -> None:
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(again - values) <= _SLACK * eps * (1 + np.abs(values))) & (again != values)
    if np.any(wrong):
        raise HypothesisError(
            "a callable activation acts entry by entry",
            f"{name}, whose value at x = {points[np.flatnonzero(wrong)[0]]:.3g} changes with the other entries, or from call to call",
            "pass a deterministic function of one real number",
        )


def epsilon(values: NDArray[Any]) -> float:
    """The relative spacing of the floating type in which ``values`` were computed, however they are stored.

    Values of single (half) precision are those representable in it most of which use its last eight bits: floor(4x)/4 is no such, nor is
    any staircase of even steps, whose small values are multiples of the last bit of its largest.

    >>> x = np.linspace(0.1, 1, 50)
    >>> epsilon(np.tanh(x)) == 2.0**-52, epsilon(np.tanh(x.astype(np.float32)).astype(float)) == 2.0**-23
    (True, True)
    """
    values = np.asarray(values)
    values = np.unique(values[np.isfinite(values) & (values != 0)].astype(float))
    for kind in _NARROW:
        info = np.finfo(kind)
        with np.errstate(over="ignore"):
            if values.size < 8 or np.any(values.astype(kind).astype(float) != values):
                continue
        largest = float(np.max(np.abs(values)))
        small = values[np.abs(values) < largest / 4]
        # Of rounded values one in four of these, or fewer, would be multiples of the last bit of the largest.
        if small.size >= 8 and not np.any(small % math.ulp(largest * 2.0 ** (52 - info.nmant))):
            continue
        mantissas = np.ldexp(np.frexp(values)[0], info.nmant + 1)
        coarse = 2.0 ** min(8, info.nmant // 2)
        if np.mean(mantissas % coarse != 0) > 0.5:
            return float(info.eps)
    return float(np.finfo(float).eps)


def precision_name(eps: float) -> str:
    """'single precision (float32)' and the like, for messages."""
    return {float(np.finfo(np.float16).eps): "half precision (float16)", float(np.finfo(np.float32).eps): "single precision (float32)"}[eps]


def _warn_of_precision(guest: Guest, values: Array) -> None:
    eps = epsilon(values)
    if eps > np.finfo(float).eps:
        warnings.warn(
            HypothesisWarning(f"{guest.name} has values in {precision_name(eps)}: relative errors of {eps:.1g} enter every result"),
            stacklevel=5,
        )
