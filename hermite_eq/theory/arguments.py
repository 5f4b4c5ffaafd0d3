"""What the questions of the theory may be asked about, checked in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hermite_eq.arguments import one_of, sequence
from hermite_eq.errors import ArgumentTypeError
from hermite_eq.models import LinearTransformer, RandomTransformer, Ratios, Sizes, Task


def check_model(model: Any) -> None:
    """Raise unless the model is a linear one or a head without a step."""
    if not isinstance(model, LinearTransformer | RandomTransformer):
        raise ArgumentTypeError(
            "the model is a LinearTransformer or a RandomTransformer",
            f"{type(model).__name__}",
            "pass LinearTransformer(ridge=…) or RandomTransformer(activation, ridge=…)",
        )


def check_plain(task: Any) -> None:
    """Raise unless the task is the isotropic one of one source."""
    if not isinstance(task, Task):
        raise ArgumentTypeError(
            "the task is a hermite_eq.Task of one isotropic source", f"{type(task).__name__}", "pass hermite_eq.Task(target, noise=0.01)"
        )


def check_name(name: Any, allowed: Sequence[str], what: str = "error") -> None:
    """Raise unless ``name`` is one of those allowed.

    >>> check_name("icl", ("icl", "idg"))
    """
    one_of(name, allowed, what)


def check_points(points: Sequence[Any], kind: type[Ratios] | type[Sizes]) -> None:
    """Raise unless there are points, all of the kind: Ratios for the limit, Sizes for finite d."""
    for point in sequence(points, "the points"):
        if not isinstance(point, kind):
            place = "in the limit: at Ratios" if kind is Ratios else "at finite d: at Sizes"
            repair = "pass Ratios(alpha=…, kappa=…, tau=…)" if kind is Ratios else "pass Sizes.from_ratios(d, …)"
            raise ArgumentTypeError(f"this is evaluated {place}", f"{type(point).__name__}", repair)
