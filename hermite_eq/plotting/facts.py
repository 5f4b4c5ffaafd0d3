"""What a figure says of its curves: model, ridge, ratios, target, noise, dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hermite_eq.curve import Setting
from hermite_eq.models import Task
from hermite_eq.plotting.style import Abscissa, Array

SYMBOL = {"alpha": "α", "test_alpha": "α in the test", "kappa": "κ", "tau": "τ", "mu": "μ"}


def column(settings: Sequence[Setting], name: str) -> Array:
    """What stands on an abscissa at every point; NaN where there is nothing."""
    if name == "mu/tau":
        return column(settings, "mu") / column(settings, "tau")
    return np.array([_place(setting, name) for setting in settings])


def _place(setting: Setting, name: str) -> float:
    """What stands on an abscissa: of weights the first; NaN where there is nothing, as an infinite d or given moments without a noise."""
    try:
        value = setting.value(name)
    except AttributeError:
        return math.nan
    value = value[0] if isinstance(value, tuple) else value
    return math.nan if value is None else float(value)


def _rounded(value: float) -> str:
    """Two decimals, of small numbers two digits: ℓ, k and m are whole, so that equal ratios differ a little from one d to another."""
    return "" if math.isnan(value) else (f"{value:.2g}" if value < 0.1 else f"{np.round(value, 2):g}").replace("inf", "∞")


def facts(settings: Sequence[Setting], x: Abscissa | None) -> dict[str, str]:
    """What is the same at all points of a curve along ``x``, by name; empty where it is not, or where there is no such thing."""
    own = any(s.sizes.tested is not s.sizes for s in settings)
    fixed = [
        name for name in ("alpha", *(("test_alpha",) if own else ()), "kappa", "tau", "mu") if name != x and (x, name) != ("mu/tau", "mu")
    ]
    rows: list[dict[str, str]] = []
    for setting in settings:
        task, d, ridge = setting.task, getattr(setting.sizes, "d", None), getattr(setting.model, "ridge", math.nan)
        plain = isinstance(task, Task) and task.isotropic
        row = {"λ": "" if x == "ridge" or math.isnan(ridge) else f"{ridge:g}"}
        row |= {SYMBOL[name]: _rounded(_place(setting, name)) for name in fixed}
        row |= {"target": str(task.target) if plain else "", "ρ": f"{task.noise:g}" if plain and x != "noise" else ""}
        row |= {"task": "" if plain or x in ("noise", "weights", "test_weights") else str(task)}
        rows.append(row | {"d": "" if x == "d" else "∞" if d is None else str(d)})
    same = {name: value if all(row[name] == value for row in rows) else "" for name, value in rows[0].items()}
    return {"model": str(settings[0].model)} | same


def in_words(described: dict[str, str]) -> list[str]:
    """``λ = 0.1`` and the like; the model by its name alone.

    >>> in_words({"model": "relu", "λ": "0.1", "μ": ""})
    ['relu', 'λ = 0.1']
    """
    return [value if name == "model" else f"{name} = {value}" for name, value in described.items() if value]
