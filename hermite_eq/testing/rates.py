"""False-alarm rates: of one assertion, or shared by all assertions of a test; and the profile that sets the budgets."""

from __future__ import annotations

import contextlib
import contextvars
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hermite_eq.arguments import inside
from hermite_eq.errors import HypothesisError

#: Rate of false alarms of one assertion unless another is declared.
DEFAULT_RATE = 1e-6
#: Probability with which a deviation is seen that is said to be detected.
POWER = 0.99
#: Environment variable that names the profile; the pytest plugin sets it from ``--universality``.
PROFILE_VARIABLE = "HERMITE_EQ_UNIVERSALITY"
#: By how much the thorough profile raises budgets of runs.
_BUDGET_FACTOR = {"default": 1, "thorough": 8}


@dataclass
class _Family:
    rate: float
    calls: int = 0


_family: contextvars.ContextVar[_Family | None] = contextvars.ContextVar("family", default=None)


@contextlib.contextmanager
def family(rate: float = DEFAULT_RATE) -> Iterator[None]:
    r"""Within this block the false-alarm rates of all assertions together are at most ``rate``.

    The j-th call has the rate :math:`\frac{6}{\pi^2j^2}\,\text{rate}`; since :math:`\sum_jj^{-2}=\pi^2/6` their number need not be
    known in advance. A rate given to a call explicitly is its own.

    Parameters
    ----------
    rate : float

    Raises
    ------
    HypothesisError
        If ``rate`` is no probability below 1/2.

    Examples
    --------
    >>> with family(rate=1e-3):
    ...     shares = [declared_rate(None) for _ in range(3)]
    >>> [f"{share:.1e}" for share in shares]
    ['6.1e-04', '1.5e-04', '6.8e-05']
    """
    token = _family.set(_Family(_checked(rate)))
    try:
        yield
    finally:
        _family.reset(token)


def declared_rate(rate: Any) -> float:
    """The false-alarm rate of one call: its own, or its share of a family's, or :data:`DEFAULT_RATE`."""
    if rate is not None:
        return _checked(rate)
    current = _family.get()
    if current is None:
        return DEFAULT_RATE
    current.calls += 1
    return current.rate * 6 / (math.pi * current.calls) ** 2


def _checked(rate: Any) -> float:
    requirement, repair = "a false-alarm rate is a probability in (0, 1/2)", "pass rate=1e-6, say"
    value = inside(rate, 0, 0.5, "rate", requirement=requirement, repair=repair)
    if value < LEAST_RATE:
        raise HypothesisError(f"a false-alarm rate is {LEAST_RATE:g} or more, so that its shares are doubles", f"rate={rate!r}", repair)
    return value


#: Below, the shares of a rate among thousands of statistics underflow.
LEAST_RATE = 1e-290
#: No samples suffice to see a part in 10⁹; a check that would miss a deviation of an order of magnitude checks nothing.
FINEST, COARSEST = 1e-9, 10.0


def checked_resolution(resolution: Any, most: float = COARSEST) -> float:
    """What a check has to be able to see, relative to the size of what it looks at.

    >>> checked_resolution(0.25)
    0.25
    """
    return inside(
        resolution,
        FINEST,
        most,
        "resolution",
        requirement=f"a resolution is a relative deviation between {FINEST:g} and {most:g}",
        repair="pass resolution=0.25, say",
    )


def profile() -> str:
    """``"default"`` or ``"thorough"``: what ``--universality`` or the environment variable says.

    >>> profile()
    'default'
    """
    name = os.environ.get(PROFILE_VARIABLE, "default")
    if name not in _BUDGET_FACTOR:
        raise HypothesisError(
            "a profile is default or thorough", f"{PROFILE_VARIABLE}={name}", f"unset {PROFILE_VARIABLE}, or set it to thorough"
        )
    return name


def budget(runs: int) -> int:
    """``runs`` in the default profile, eight times as many in the thorough one.

    >>> budget(100)
    100
    """
    return runs * _BUDGET_FACTOR[profile()]
