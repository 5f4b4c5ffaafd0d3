"""What the explorer shows, computed from its state; the page's worker calls it in the browser, and the tests call it in CPython.

A state is a dictionary of plain numbers and texts (``DEFAULTS``), as it stands in the page's address. Each part of the answer is asked
for by name, so that what is known early is shown early, and a newer state may take the place of an older one between two parts.

>>> answer("expansion", DEFAULTS)["coefficients"][1]["exact"]
'\\\\frac{1}{2}'
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import hermite_eq as he
from hermite_eq import latex

State = Mapping[str, Any]

#: κ is a number or "inf": a fresh task in every training context.
DEFAULTS: dict[str, Any] = {
    "sigma": "relu",
    "degree": 3,
    "target": "relu",
    "noise": 0.01,
    "mixed": False,
    "target2": "tanh",
    "noise2": 0.1,
    "share2": 0.5,
    "alpha": 1.0,
    "kappa": 1.0,
    "tau": 3.0,
    "mu": 1.0,
    "ridge": 1e-4,
    "d": 20,
    "axis": "tau",
}

#: The axis of a curve: exponents of the first and last value, the base, steps for each power, and how many points are computed at once.
#: n and m alone move along τ and μ, where all points share one law of the contexts.
_GRIDS = {
    "tau": (-3, 3, 2.0, 4, 100),
    "mu": (-3, 3, 2.0, 4, 100),
    "alpha": (-2, 3, 2.0, 2, 1),
    "kappa": (-2, 3, 2.0, 2, 1),
    "ridge": (-8, 1, 10.0, 1, 4),
    "noise": (-3, 1, 10.0, 2, 1),
}

_QUANTITIES = (
    ("alpha", "context", "more examples in a context (α)", "shorter contexts (α)"),
    ("kappa", "training tasks", "more training tasks (κ)", "fewer training tasks (κ)"),
    ("tau", "training contexts", "more training contexts (τ)", "fewer training contexts (τ)"),
    ("mu", "hidden units", "more hidden units (μ)", "fewer hidden units (μ)"),
    ("ridge", "ridge", "a larger ridge λ", "a smaller ridge λ"),
)
#: Below a tenth of a thousandth of the error a change by a tenth is called none.
_NOTHING = 1e-4


def answer(part: str, state: State) -> dict[str, Any]:
    """One part of the answer, or ``{"refused": message}`` where the library refuses the state."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            values = _PARTS[part](state)
    except he.HypothesisError as error:
        return {"refused": str(error)}
    messages = [str(warning.message) for warning in caught if issubclass(warning.category, he.HypothesisWarning)]
    return values | {"warnings": list(dict.fromkeys(messages))}


def answer_json(part: str, state: str) -> str:
    """:func:`answer` with JSON on both sides; numbers that are not finite are null."""
    return json.dumps(_plain(answer(part, json.loads(state))), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def ratios(state: State) -> he.Ratios:
    return he.Ratios(**{name: float(state[name]) for name in ("alpha", "kappa", "tau", "mu")})


def sizes(state: State) -> he.Sizes:
    return he.Sizes.from_ratios(int(state["d"]), **{name: float(state[name]) for name in ("alpha", "kappa", "tau", "mu")})


def task(state: State) -> he.Task:
    if not state["mixed"]:
        return he.Task(state["target"], state["noise"])
    sources = [he.Source(state[f"target{s}"], state[f"noise{s}"]) for s in ("", "2")]
    return he.Task(sources=sources, weights=[1 - state["share2"], state["share2"]])


def head(state: State) -> he.RandomTransformer:
    return he.RandomTransformer(state["sigma"], ridge=state["ridge"])


def expansion(state: State) -> dict[str, Any]:
    """c_0 … c_r, c_r*, and the LaTeX of the equivalent model of degree r."""
    sigma, degree = state["sigma"], int(state["degree"])
    c = he.coefficients(sigma, degree)
    doubles, errors = c.__array__().tolist(), c.errors.tolist()
    exact = c.method == "exact"
    shown = [
        {
            "k": k,
            "exact": latex.exact(value) if exact and latex.is_symbolic(value) else None,
            "value": doubles[k],
            "error": errors[k],
        }
        for k, value in enumerate(c.c)
    ]
    residual = c.residual(degree)
    symbolic = latex.is_symbolic(residual)
    return {
        "activation": str(c.activation),
        "closed": exact,
        "coefficients": shown,
        "residual": {"exact": latex.exact(residual) if symbolic else None, "value": float(residual)},
        "norm2": float(c.norm2),
        "model": he.equivalent_model(sigma, degree).latex(),
    }


def _point(error: he.TheoryError) -> dict[str, Any]:
    return {"icl": error.icl, "idg": error.idg, "error": error.error, "notes": list(error.notes)}


def limit(state: State) -> dict[str, Any]:
    """The error at d = ∞, and its curve."""
    at, axis = ratios(state), state["axis"]
    along: Any = {axis: grid(axis)}
    curve = he.icl_curve(head(state), task(state), at, **along)
    return {"point": _point(he.icl_error(head(state), task(state), at)), "curve": _columns(curve)}


def finite(state: State) -> dict[str, Any]:
    """The error at d, and how many parts its curve has."""
    at = sizes(state)
    shown = {name: getattr(at, name) for name in ("d", "context", "tasks", "samples", "hidden")}
    point = _point(he.icl_error(head(state), task(state), at))
    return {"point": point, "sizes": {name: float(value) for name, value in shown.items()}, "parts": len(_chunks(state))}


def finite_curve(state: State) -> dict[str, Any]:
    """Part number ``state["chunk"]`` of the curve at d."""
    along: Any = {state["axis"]: _chunks(state)[int(state["chunk"])]}
    return {"curve": _columns(he.icl_curve(head(state), task(state), sizes(state), **along))}


def _columns(curve: Any) -> dict[str, Any]:
    table = curve.table()
    return {"x": [float(x) for x in curve.values], **{name: table[name].tolist() for name in ("icl", "idg", "icl_stderr", "idg_stderr")}}


def grid(axis: str) -> list[float]:
    """Values on an axis, of equal ratios and rounded to three digits.

    >>> grid("ridge")[:3], len(grid("tau"))
    ([1e-08, 1e-07, 1e-06], 25)
    """
    first, last, base, steps, _ = _GRIDS[axis]
    return [float(f"{base ** (first + i / steps):.3g}") for i in range((last - first) * steps + 1)]


def finite_grid(state: State) -> list[float]:
    """The values of the axis which are different sizes at this d, and have no more tasks than contexts."""
    axis = state["axis"]
    if axis in ("ridge", "noise"):
        return grid(axis)
    d = int(state["d"])
    by_size: dict[int, float] = {}
    for value in grid(axis):
        there = {**state, axis: value}
        n, k = max(1, round(there["tau"] * d * d)), float(there["kappa"]) * d
        unit = d if axis in ("alpha", "kappa") else d * d
        if n >= (1 if math.isinf(k) else max(1, round(k))):
            by_size.setdefault(max(1, round(value * unit)), value)
    return list(by_size.values())


def _chunks(state: State) -> list[list[float]]:
    values, length = finite_grid(state), _GRIDS[state["axis"]][-1]
    return [values[i : i + length] for i in range(0, len(values), length)]


def hints(state: State) -> dict[str, Any]:
    """What would lower the ICL error at d, to first order: by how much each quantity, a tenth larger, changes it."""
    from hermite_eq.theory import icl_gradient, mixing_gradient

    if state["mixed"]:
        gradient = mixing_gradient(head(state), task(state), sizes(state))
        relative = 0.1 * float(gradient.along([-1.0, 1.0])) / gradient.error.icl
        change = _change("a share of source 2 that is larger by 0.1", relative)
        changes = [{"name": "share2", "slope": float(gradient.along([-1.0, 1.0])), "relative": relative, "text": change}]
        best = [] if abs(relative) < _NOTHING else [("more" if relative < 0 else "less") + " of source 2 in training"]
    else:
        slopes = icl_gradient(head(state), task(state), sizes(state))
        changes, candidates = [], []
        for name, noun, more, less in _QUANTITIES:
            slope, at = getattr(slopes, f"d_{name}"), float(state[name])
            # What is infinite, or 0, has no tenth.
            relative = 0.1 * at * slope / slopes.error.icl if math.isfinite(at) else 0.0
            text = _change(f"10 % more {noun}" if name != "ridge" else "a ridge λ that is larger by 10 %", relative)
            changes.append({"name": name, "slope": slope, "relative": relative, "text": text})
            if abs(relative) >= _NOTHING:
                candidates.append((abs(relative), more if relative < 0 else less))
        best = [words for _, words in sorted(candidates, reverse=True)]
    headline = f"{best[0][0].upper()}{best[0][1:]} would help most." if best else "Nothing here changes the error much."
    return {"headline": headline, "changes": changes}


def _change(what: str, relative: float) -> str:
    if abs(relative) < _NOTHING:
        return f"With {what} the error hardly changes."
    return f"With {what} the error {'falls' if relative < 0 else 'rises'} by about {100 * abs(relative):.1f} %."


def names(state: State) -> dict[str, Any]:
    """The registered activations."""
    return {"names": list(he.activations.registered_names()), "version": he.__version__}


def program(state: State) -> dict[str, Any]:
    """Python that gives the numbers shown."""
    sigma, axis, r = state["sigma"], state["axis"], int(state["degree"])
    where = ", ".join(f"{name}={_number(state[name])}" for name in ("alpha", "kappa", "tau", "mu"))
    sources = [f"he.Source({state[f'target{s}']!r}, noise={_number(state[f'noise{s}'])})" for s in ("", "2")]
    weights = f"[{_number(1 - state['share2'])}, {_number(state['share2'])}]"
    made = f"he.Task(sources=[{', '.join(sources)}], weights={weights})" if state["mixed"] else "he.Task" + sources[0][len("he.Source") :]
    points = "[" + ", ".join(_number(value) for value in finite_grid(state) or grid(axis)) + "]"
    gradient = "mixing_gradient" if state["mixed"] else "icl_gradient"
    lines = [
        "import hermite_eq as he",
        f"from hermite_eq.theory import {gradient}",
        "",
        f"c = he.coefficients({sigma!r}, degree={r})",
        f"print(c.c, c.residual({r}))",
        f"print(he.equivalent_model({sigma!r}, degree={r}).latex())",
        "",
        f"task = {made}",
        f"head = he.RandomTransformer({sigma!r}, ridge={_number(state['ridge'])})",
        f"limit = he.Ratios({where})",
        f"sizes = he.Sizes.from_ratios({int(state['d'])}, {where})",
        "print(he.icl_error(head, task, limit))",
        "print(he.icl_error(head, task, sizes))",
        f"values = {points}",
        f"print(he.icl_curve(head, task, limit, {axis}=values))",
        f"print(he.icl_curve(head, task, sizes, {axis}=values))",
        f"print({gradient}(head, task, sizes))",
    ]
    return {"code": "\n".join(lines) + "\n"}


def _number(value: Any) -> str:
    value = float(value)
    return 'float("inf")' if math.isinf(value) else repr(int(value) if value == int(value) else value)


_PARTS: dict[str, Callable[[State], dict[str, Any]]] = {
    "names": names,
    "expansion": expansion,
    "program": program,
    "limit": limit,
    "finite": finite,
    "finite_curve": finite_curve,
    "hints": hints,
}
