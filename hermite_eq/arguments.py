r"""What a caller passes, read once: every value from outside becomes a checked one here, or an own error says what it has to be.

A public function reads its arguments by these functions; what is private takes them as they are. Two rules hold for all of them. Text is
never a number, and nothing in a text is executed: ``sympy.sympify`` evaluates strings as Python, so :func:`exact` is the only way from
outside into SymPy. And a value is refused by name, with what it means and a call that works.
"""

from __future__ import annotations

import math
import numbers
import operator
import reprlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
import sympy
from numpy.typing import NDArray

from hermite_eq.errors import ArgumentTypeError, HypothesisError

T = TypeVar("T")

#: Integers up to here are exact as doubles.
LARGEST_COUNT = 2**53
# 10^±4000 is beyond any double; 10^(10^9) would be written out before it is compared with one.
_LARGEST_EXPONENT = 4000
# What Python itself writes out, 4300 digits.
_MOST_BITS = 14_000

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def shown(value: Any) -> str:
    """A value in an error's text: short, whatever the value is.

    >>> shown(10**9999), shown(range(3))
    ('an integer of 33216 bits', 'range(0, 3)')
    """
    if isinstance(value, int) and value.bit_length() > 128:
        return f"an integer of {value.bit_length()} bits"
    try:
        return _SHORT.repr(value)
    except Exception:
        return f"an object of type {type(value).__name__}"


def _finding(name: str, value: Any) -> str:
    return f"{name}={shown(value)}" if name else shown(value)


def _called(name: str, meaning: str) -> str:
    return f"{name} ({meaning})" if meaning else name


def _float(value: Any) -> float:
    """``value`` as a float; a TypeError where it is no real number, NaN where it is beyond every double.

    Strings, truth values and complex numbers have conversions that Python or NumPy carry out silently.
    """
    if isinstance(value, str | bytes | bytearray | bool | np.bool_) or np.iscomplexobj(value) or np.ndim(value):
        raise TypeError
    if isinstance(value, np.ndarray):
        value = value.item()
        return _float(value)
    if not hasattr(value, "__float__") and not hasattr(value, "__index__"):
        raise TypeError
    try:
        return float(value)
    except (OverflowError, ValueError):
        return math.nan


def _real(value: Any, name: str, requirement: str, repair: str, holds: Callable[[float], bool]) -> float:
    try:
        number = _float(value)
    except Exception:
        raise ArgumentTypeError(requirement, _finding(name, value), repair) from None
    if not holds(number):
        raise HypothesisError(requirement, _finding(name, value), repair)
    return number


def number(value: Any, name: str, meaning: str = "") -> float:
    """``value`` as a float, whatever it is: where its range is judged with that of others."""
    return _real(value, name, f"{_called(name, meaning)} is a number", f"pass {name}=1.0, say", lambda _: True)


def finite(value: Any, name: str, meaning: str = "", *, requirement: str = "", repair: str = "") -> float:
    """``value`` as a finite float.

    >>> finite(sympy.Rational(1, 4), "x")
    0.25
    """
    requirement = requirement or f"{_called(name, meaning)} is a finite number"
    return _real(value, name, requirement, repair or f"pass {name}=1.0, say", math.isfinite)


def non_negative(value: Any, name: str, meaning: str = "", *, infinite: bool = False, requirement: str = "", repair: str = "") -> float:
    """``value`` as a float ≥ 0, finite unless ``infinite``."""
    requirement = requirement or f"{_called(name, meaning)} is a {'number ≥ 0 (inf allowed)' if infinite else 'finite number ≥ 0'}"
    end = math.inf if infinite else sys.float_info.max
    return _real(value, name, requirement, repair or f"pass {name}=0.01, say", lambda number: 0 <= number <= end)


def positive(value: Any, name: str, meaning: str = "", *, infinite: bool = False, requirement: str = "", repair: str = "") -> float:
    """``value`` as a float > 0, finite unless ``infinite``.

    >>> positive(math.inf, "mu", infinite=True)
    inf
    """
    requirement = requirement or f"{_called(name, meaning)} is {'> 0 (inf allowed)' if infinite else '> 0 and finite'}"
    end = math.inf if infinite else sys.float_info.max
    return _real(value, name, requirement, repair or f"pass {name}=1.0, say", lambda number: 0 < number <= end)


def inside(value: Any, low: float, high: float, name: str, meaning: str = "", *, requirement: str = "", repair: str = "") -> float:
    """``value`` as a float strictly between ``low`` and ``high``.

    >>> inside(0.5, 0, 1, "rate", "the false-alarm rate")
    0.5
    """
    requirement = requirement or f"{_called(name, meaning)} is a number between {low:g} and {high:g}, ends excluded"
    return _real(value, name, requirement, repair or f"pass {name}={(low + high) / 2:g}, say", lambda number: low < number < high)


def count(
    value: Any, name: str, meaning: str = "", *, least: int = 0, most: int = LARGEST_COUNT, requirement: str = "", repair: str = ""
) -> int:
    """``value`` as an int between ``least`` and ``most``.

    >>> count(np.int64(3), "k")
    3
    """
    kind = {0: "a non-negative integer", 1: "a positive integer"}.get(least, f"an integer ≥ {least}")
    requirement = requirement or f"{_called(name, meaning)} is {kind}"
    repair = repair or (f"pass {name}={least} or more" if least else f"pass {name}=0, 1, 2, …")
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except Exception:
        raise ArgumentTypeError(requirement, _finding(name, value), repair) from None
    if number < least:
        raise HypothesisError(requirement, _finding(name, number), repair)
    if number > most:
        raise HypothesisError(f"{_called(name, meaning)} is at most {most}", _finding(name, number), f"pass {name}={most} or less")
    return number


def flag(value: Any, name: str) -> bool:
    """``value`` as a bool: ``"False"`` and arrays are refused, which Python takes for true or ambiguous."""
    if not isinstance(value, bool | np.bool_):
        raise ArgumentTypeError(f"{name} is True or False", _finding(name, value), f"pass {name}=True or {name}=False")
    return bool(value)


def text(value: Any, name: str, meaning: str = "") -> str:
    """``value`` if it is a text."""
    if not isinstance(value, str):
        raise ArgumentTypeError(f"{_called(name, meaning)} is a text", _finding(name, value), f'pass {name}="", say')
    return value


def one_of(value: Any, allowed: Sequence[T], name: str, meaning: str = "", *, requirement: str = "", repair: str = "") -> T:
    """The member of ``allowed`` that ``value`` is.

    >>> one_of("icl", ("icl", "idg"), "error")
    'icl'
    """
    for member in allowed:
        if value is member or (isinstance(value, str) and value == member):
            return member
    raise (HypothesisError if isinstance(value, str) else ArgumentTypeError)(
        requirement or f"{_called(name, meaning)} is one of {', '.join(map(str, allowed))}",
        _finding(name, value),
        repair or f'pass {name}="{allowed[0]}"',
    )


def instance(value: Any, kind: type[T] | tuple[type[Any], ...], requirement: str, repair: str) -> T:
    """``value`` if it is of the kind."""
    if not isinstance(value, kind):
        raise ArgumentTypeError(requirement, type(value).__name__, repair)
    return value


def function(value: Any, name: str, meaning: str = "") -> Callable[..., Any]:
    """``value`` if it can be called."""
    if not callable(value):
        raise ArgumentTypeError(f"{_called(name, meaning)} is a function", _finding(name, value), f"pass {name}=numpy.tanh, say")
    checked: Callable[..., Any] = value
    return checked


def outcome(function: Callable[..., Any], name: str, *arguments: Any, **keywords: Any) -> Any:
    """What a function of the caller's returns; what it raises is the cause of an own error."""
    try:
        return function(*arguments, **keywords)
    except HypothesisError:
        raise
    except Exception as failure:
        raise HypothesisError(
            f"{name} returns where it is called as documented", f"{type(failure).__name__}: {failure}", f"call {name} alone to see why"
        ) from failure


def sequence(value: Any, name: str, meaning: str = "", *, empty: bool = True, requirement: str = "", repair: str = "") -> tuple[Any, ...]:
    """The members of a list, a tuple, an array; text and mappings are none."""
    requirement = requirement or f"{_called(name, meaning)} is a {'' if empty else 'non-empty '}sequence"
    repair = repair or f"pass {name} as a list{'' if empty else ' with an entry'}"
    scalar = isinstance(value, str | bytes | bytearray | dict | set | frozenset)
    if scalar or not (isinstance(value, Sized) and isinstance(value, Iterable)) or (isinstance(value, np.ndarray) and not value.ndim):
        raise ArgumentTypeError(requirement, _finding(name, value), repair)
    members = tuple(value)
    if not members and not empty:
        raise HypothesisError(requirement, _finding(name, value), repair)
    return members


def array(
    value: Any,
    name: str,
    meaning: str = "",
    *,
    shape: str = "",
    dimensions: Sequence[int] | int | None = None,
    finite: bool = True,
    nan: bool = False,
    empty: bool = False,
    requirement: str = "",
    repair: str = "",
) -> NDArray[np.float64]:
    """``value`` as an array of real numbers: finite and not empty unless told otherwise.

    Parameters
    ----------
    value : array_like
        Exact numbers in it are rounded.
    name, meaning : str
    shape : str
        The shape in words, for the error.
    dimensions : int or sequence of int, optional
        The number of axes allowed.
    finite, nan, empty : bool
        Whether infinity is refused, and whether NaN and arrays without entries are accepted.

    Examples
    --------
    >>> array([1, sympy.Rational(1, 2)], "x")
    array([1. , 0.5])
    """
    allowed = (dimensions,) if isinstance(dimensions, int) else dimensions
    kind = {(0,): "a number", (1,): "a vector", (2,): "a matrix", (0, 1): "a number or a vector"}.get(tuple(allowed or ()), "an array")
    at = f" of shape {shape}" if shape else ""
    named = bool(requirement)
    requirement = requirement or f"{_called(name, meaning)} is {kind} of {'finite' if finite else 'real'} numbers{at}"
    repair = repair or f"pass {name} as {kind} of floats{at}"
    try:
        given = np.asarray(value)
        if given.dtype.kind == "O":
            given = np.array([_float(entry) for entry in given.ravel()], dtype=float).reshape(given.shape)
        if given.dtype.kind not in "iuf":
            raise TypeError
        values = given.astype(float, copy=False)
    except Exception:
        raise ArgumentTypeError(requirement, _finding(name, value), repair) from None
    if (allowed is not None and values.ndim not in allowed) or (not empty and not values.size):
        raise HypothesisError(requirement, _finding(name, value) if named else f"shape {values.shape}", repair)
    if not nan and not (np.isfinite(values) if finite else ~np.isnan(values)).all():
        what = f"NaN{' or infinity' if finite else ''} in it"
        raise HypothesisError(requirement, _finding(name, value) if named else what, repair if named else "find where they come from")
    return values


def floats(value: Any, name: str) -> NDArray[np.floating[Any]]:
    """``value`` as an array in its own floating precision, double for everything else; NaN and infinity are values too."""
    if isinstance(value, np.ndarray | np.floating) and np.issubdtype(value.dtype, np.floating):
        return np.asarray(value)
    return array(value, name, nan=True, empty=True)


def broadcast(names: str, *arrays: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Arrays broadcast against each other."""
    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError:
        shapes = " and ".join(str(given.shape) for given in arrays)
        raise HypothesisError(f"{names} have one shape", f"shapes {shapes}", "pass as many of each") from None


def vector(value: Any, name: str, meaning: str = "") -> NDArray[np.float64]:
    """``value`` as a vector of finite numbers."""
    return array(value, name, meaning, dimensions=1)


def mapping(value: Any, name: str, read: Callable[[Any, str], T]) -> dict[str, T]:
    """``value`` as a dictionary of texts, each of whose values is read."""
    if not isinstance(value, Mapping):
        raise ArgumentTypeError(f"{name} is a mapping of names", _finding(name, value), f"pass {name} as a dict")
    return {text(key, name): read(value[key], f"{name}[{key!r}]") for key in value}


def exact(value: Any, name: str, meaning: str = "", *, requirement: str = "", repair: str = "") -> sympy.Expr:
    """``value`` as a SymPy expression, exact where it is: the one way from outside into SymPy.

    int, Fraction, Decimal and SymPy expressions stay exact, floats and NumPy and mpmath numbers keep their digits. Text is refused.

    >>> exact("1/3", "s")
    Traceback (most recent call last):
        ...
    hermite_eq.errors.ArgumentTypeError: s is a number or a SymPy expression; found s='1/3'. Repair: pass sympy.Rational(1, 3) or 0.5, say
    """
    if isinstance(value, sympy.Expr):
        return value
    try:
        # A dict or a tuple would be read entry by entry, and its texts executed, by sympify, strict or not.
        if not isinstance(value, numbers.Number) or isinstance(value, bool):
            raise TypeError
        if isinstance(value, Decimal) and value.is_finite():
            if abs(value.adjusted()) > _LARGEST_EXPONENT:
                raise OverflowError
            value = Fraction(value)
        if isinstance(value, int | Fraction) and max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS:
            raise OverflowError
        # Strict: not even the text which an unknown number prints is read.
        number = sympy.sympify(value, strict=True)
        if not isinstance(number, sympy.Expr):
            raise TypeError
    except OverflowError:
        raise HypothesisError(f"{_called(name, meaning)} has at most {_MOST_BITS} bits", _finding(name, value), "pass a float") from None
    except Exception:
        raise ArgumentTypeError(
            requirement or f"{_called(name, meaning)} is a number or a SymPy expression",
            _finding(name, value),
            repair or "pass sympy.Rational(1, 3) or 0.5, say",
        ) from None
    return number


def seed(value: Any, name: str) -> int:
    """``value`` as the seed of numpy.random.SeedSequence: a non-negative integer of any size that a program would draw.

    >>> seed(2**100, "rng") == 2**100
    True
    """
    return count(value, name, "the seed", most=2**512)


def generator(rng: Any) -> np.random.Generator:
    """A generator from a seed after SPEC 7: a Generator as it is, an int, a SeedSequence, None.

    >>> bool(generator(0).integers(10) == np.random.default_rng(0).integers(10))
    True
    """
    requirement, repair = "rng is a seed or a numpy.random.Generator", "pass rng=0 or numpy.random.default_rng(0)"
    try:
        if isinstance(rng, str | bytes | bool | np.bool_):
            raise TypeError
        return np.random.default_rng(rng)
    except ValueError:
        raise HypothesisError(requirement, _finding("rng", rng), repair) from None
    except Exception:
        raise ArgumentTypeError(requirement, _finding("rng", rng), repair) from None
