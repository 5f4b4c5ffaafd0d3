"""What the questions of the theory may be asked about, checked in one place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.arguments import sequence
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.expansion import coefficients
from hermite_eq.models import Ratios, Sizes, Source, Task

#: Sizes of functions whose squares, and the products of a few of them, are doubles.
_SMALLEST, _LARGEST = 1e-60, 1e60
#: Root mean squares of labels at finite d.
_SMALLEST_LABEL, _LARGEST_LABEL = 1e-15, 1e15


def check_magnitude(function: Callable[[NDArray[np.float64]], Any], what: str) -> None:
    """Raise unless the function is 0, or of a size whose square is a double with room on both sides.

    >>> check_magnitude(np.tanh, "head")
    """
    with np.errstate(all="ignore"):
        size = float(np.abs(np.asarray(function(np.linspace(-2.0, 2.0, 9)), float)).max())
    # What is no number is refused where it is integrated.
    if 0 < size < _SMALLEST or _LARGEST < size < np.inf:
        raise HypothesisError(
            f"values of the {what} are between {_SMALLEST:g} and {_LARGEST:g}, so that their squares are numbers",
            f"{size:.3g} for {function}",
            f"divide the {what} by {size:.0e}: errors go with the square of the labels' scale, and a head and the root of its ridge have "
            "a common scale",
        )


def check_labels(sources: Sequence[Task | Source]) -> None:
    """Raise unless the twelfth powers of the labels, which the law of ‖b‖² at finite d needs, are doubles with room on both sides.

    >>> check_labels([Task("relu", noise=0.01)])
    """
    for source in sources:
        check_magnitude(source.target, "target")
        size = math.sqrt(float(coefficients(source.target, 1).norm2) + source.noise)
        if not _SMALLEST_LABEL <= size <= _LARGEST_LABEL:
            raise HypothesisError(
                f"at finite d labels are between {_SMALLEST_LABEL:g} and {_LARGEST_LABEL:g}",
                f"the root mean square {size:.3g} of {source}",
                "pass a target and noise of order 1, or the limit of a Task: Ratios(…) in place of Sizes",
            )


def check_plain(task: Any) -> None:
    """Raise unless the task is the isotropic one of one source."""
    if not isinstance(task, Task):
        raise ArgumentTypeError("the task is a hermite_eq.Task", f"{type(task).__name__}", "pass hermite_eq.Task(target, noise=0.01)")
    if not task.isotropic:
        raise HypothesisError("the task has one isotropic source", f"{task}", "pass hermite_eq.Task(target, noise=0.01)")


def check_mixture(task: Any) -> None:
    """Raise unless the task has several sources."""
    if not isinstance(task, Task) or len(task.sources) < 2:
        raise HypothesisError("there are several sources to mix", f"{task}", "pass Task(sources=[Source(…), Source(…)], weights=[…])")


def check_points(points: Sequence[Any], kind: type[Ratios] | type[Sizes]) -> None:
    """Raise unless there are points, all of the kind: Ratios for the limit, Sizes for finite d."""
    for point in sequence(points, "the points"):
        if not isinstance(point, kind):
            place = "in the limit: at Ratios" if kind is Ratios else "at finite d: at Sizes"
            repair = "pass Ratios(alpha=…, kappa=…, tau=…)" if kind is Ratios else "pass Sizes.from_ratios(d, …)"
            raise ArgumentTypeError(f"this is evaluated {place}", f"{type(point).__name__}", repair)
