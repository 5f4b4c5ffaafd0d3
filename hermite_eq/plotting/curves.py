"""In-context errors along a curve: theory as lines, simulations as dots."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from hermite_eq.arguments import flag, function, mapping, one_of, outcome, sequence
from hermite_eq.curve import Setting
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.models import LinearTransformer, PolynomialActivation, RandomTransformer
from hermite_eq.plotting.facts import SYMBOL, column, facts, in_words
from hermite_eq.plotting.style import (
    AXIS_LABEL,
    COLOURS,
    DOTS,
    ERROR_LABEL,
    GREY,
    KINDS,
    LINE,
    PALE,
    Abscissa,
    Array,
    Error,
    entitle,
    figure_axes,
    paired_legend,
    plain_ticks,
)
from hermite_eq.simulate import MonteCarlo
from hermite_eq.theory import TheoryCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DEGREE_MARKERS = {0: "P", 1: "^", 2: "s", 3: "D", 4: "v"}
#: Ticks within a decade, for axes of so many decades.
_STEPS = ((0.45, (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)), (1.15, (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)), (2.5, (1.0, 2.0, 5.0)))
#: The abscissa of an axis, where it is another.
_ABSCISSA: dict[str | None, Abscissa] = {
    "samples": "tau",
    "hidden": "mu",
    "context": "alpha",
    "tasks": "kappa",
    "test_context": "test_alpha",
}


@runtime_checkable
class SimulatedRuns(Protocol):
    """What is drawn as dots: :class:`hermite_eq.simulate.SimulatedCurve`, and whatever holds the errors of several runs as it does.

    Attributes
    ----------
    points : sequence
        Of Sizes, or of objects with ``model``, ``task`` and ``sizes``; in the former case the curve itself has model and task.
    icl_runs, idg_runs : (runs, points) array
    """

    @property
    def points(self) -> Sequence[Any]:
        """Where the errors were simulated."""
        ...

    @property
    def icl_runs(self) -> Array:
        """The ICL errors, run by run."""
        ...

    @property
    def idg_runs(self) -> Array:
        """The errors on the training tasks, run by run."""
        ...


#: What may be drawn as a curve: of the theory, or simulated.
Curve = TheoryCurve | SimulatedRuns
#: Matplotlib's keywords for a curve, in place of those chosen here.
Style = Callable[[Curve], Mapping[str, Any]]


@dataclass(frozen=True)
class _Drawable:
    """A curve as numbers; ``stderr`` is None for theory."""

    source: Curve
    settings: tuple[Setting, ...]
    mean: Array
    stderr: Array | None

    @classmethod
    def of(cls, curve: Curve, error: Error) -> _Drawable:
        if isinstance(curve, TheoryCurve):
            with np.errstate(invalid="ignore"):
                gap = curve.icl - curve.idg
            # Where both diverge their difference is not defined.
            mean = {"icl": curve.icl, "idg": curve.idg, "g_task": np.where(np.isinf(curve.icl), np.nan, gap)}[error]
            return cls(curve, curve.settings, mean, None)
        if not isinstance(curve, SimulatedRuns):
            raise ArgumentTypeError(
                "what is drawn is a TheoryCurve or a SimulatedCurve",
                type(curve).__name__,
                "pass what hermite_eq.theory.icl_curve and hermite_eq.simulate.icl_curve return",
            )
        owners: list[Any] = [point if hasattr(point, "sizes") else curve for point in curve.points]
        places = zip(owners, curve.points, strict=True)
        settings = tuple(Setting(owner.model, owner.task, getattr(point, "sizes", point)) for owner, point in places)
        runs = {"icl": curve.icl_runs, "idg": curve.idg_runs, "g_task": curve.icl_runs - curve.idg_runs}[error]
        monte_carlo = MonteCarlo.from_runs(runs)
        return cls(curve, settings, monte_carlo.mean, monte_carlo.stderr)

    @property
    def model(self) -> Any:
        return self.settings[0].model

    @property
    def d(self) -> int | None:
        """The dimension, None in the limit."""
        return getattr(self.settings[0].sizes, "d", None)

    @property
    def axis(self) -> Abscissa | None:
        """The abscissa on which the axis of the curve stands."""
        axis = getattr(self.source, "axis", None)
        return _ABSCISSA.get(axis, axis) if len(self.settings) > 1 else None

    def column(self, name: str) -> Array:
        return column(self.settings, name)


def _check_dimensions(drawn: Sequence[_Drawable], x: Abscissa | None) -> None:
    for item in drawn:
        dimensions = {getattr(setting.sizes, "d", None) for setting in item.settings}
        if len(dimensions) != 1 and "d" not in (x, item.axis):
            shown = ", ".join(map(str, sorted(dimensions, key=str)))
            raise HypothesisError("all points of a curve have one d", shown, "draw one curve per d")


def _varying(drawn: Sequence[_Drawable]) -> Abscissa:
    """What varies along the curves: their axis, or else the ratio; α, κ and μ are rounded to whole ℓ, k and m, and hardly vary."""
    axes = {item.axis for item in drawn} - {None}
    if len(axes) == 1:
        return axes.pop()  # type: ignore[return-value]
    names: tuple[Abscissa, ...] = ("tau", "mu", "alpha", "kappa")
    differing = [
        name
        for name in names
        if any(len(item.settings) > 1 and np.ptp(values) > 0 for item in drawn if np.isfinite(values := item.column(name)).all())
    ]
    if len(differing) != 1:
        shown = ", ".join(SYMBOL[name] for name in differing) or "none"
        raise HypothesisError("one of the ratios α, κ, τ, μ varies along the curves", f"{shown}", 'pass x="tau", say')
    return differing[0]


def _labels(drawn: Sequence[_Drawable], x: Abscissa) -> tuple[list[str], list[str]]:
    """For each curve whatever differs between the curves, the model where nothing does; and what is the same for all."""
    described = [facts(item.settings, x) for item in drawn]
    shown = [name for name in described[0] if len({words[name] for words in described}) > 1] or ["model"]
    labels = [", ".join(in_words({name: words[name] for name in shown})) for words in described]
    return labels, in_words({name: value for name, value in described[0].items() if name not in shown})


def _subjects(drawn: Sequence[_Drawable], x: Abscissa) -> list[tuple[str, ...]]:
    """What has a colour: all that tells curves apart but d; and d where nothing else does."""
    described = [facts(item.settings, x) for item in drawn]
    without = [tuple(value for name, value in words.items() if name != "d") for words in described]
    return [tuple(words.values()) for words in described] if len(set(without)) == 1 else without


def _automatic(drawn: Sequence[_Drawable], labels: Sequence[str], x: Abscissa) -> list[dict[str, Any]]:
    subjects = _subjects(drawn, x)
    order = {subject: i for i, subject in enumerate(dict.fromkeys(subjects))}
    finite = sorted({item.d for item in drawn if item.d is not None}, reverse=True)
    dashes = ["-", "--", "-."]
    styles = []
    for item, subject, label in zip(drawn, subjects, labels, strict=True):
        style: dict[str, Any] = {"color": COLOURS[order[subject] % len(COLOURS)], "label": label}
        sigma = None if isinstance(item.model, RandomTransformer) and item.model.hidden else getattr(item.model, "activation", None)
        if item.stderr is None:
            style["linestyle"] = ":" if item.d is None else dashes[finite.index(item.d) % len(dashes)]
        elif isinstance(sigma, PolynomialActivation):
            style |= {"marker": _DEGREE_MARKERS.get(sigma.degree, "*"), "markerfacecolor": "none"}
        else:
            style["marker"] = "o"
        styles.append(style)
    return styles


def plot_curve(
    curves: Curve | Sequence[Curve],
    error: Error = "icl",
    *,
    x: Abscissa | None = None,
    axes: Axes | None = None,
    style: Style | None = None,
    thresholds: bool = True,
    legend: bool = True,
) -> Axes:
    r"""Draw errors along curves: theory as lines, simulations as dots with one standard error.

    Both axes are logarithmic; that of weights, or of values with a zero among them, is linear. The interpolation thresholds are marked:
    n = d² for the linear Transformer (whose readout has D = d(d+1) ≈ d² weights), m = n for a random head. The legend says what differs
    between the curves (model, λ, d, fixed ratios, target and ρ, or the task where it is of another kind), the title what does not; a
    theory and its simulation are one entry. Without another ``style``, a colour stands for a model and its fixed ratios, d = ∞ is
    dotted, and the markers of equivalent models are hollow.

    Parameters
    ----------
    curves : TheoryCurve, SimulatedCurve, or a sequence of them
    error : {"icl", "idg", "g_task"}
        :math:`g_\mathrm{task} = e_\mathrm{ICL} - e_\mathrm{IDG}`, the price of tasks not seen in training.
    x : {"alpha", "test_alpha", "kappa", "tau", "mu", "mu/tau", "d", "ridge", "noise", "weights", "test_weights"}, optional
        What stands on the abscissa; by default what varies. ``"mu/tau"`` is m/n.
    axes : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    style : callable, optional
        From a curve to keywords of ``Axes.plot`` (theory) or ``Axes.errorbar`` (simulation), which override the automatic ones;
        ``shift`` is a factor on the abscissa, for dots that would lie on others.
    thresholds, legend : bool
        Whether to mark the thresholds, and to add a legend.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    HypothesisError
        If a curve is of another kind or has points of several d, if more than one ratio varies and ``x`` is not given, or if no
        error to be drawn is positive and finite.

    Examples
    --------
    >>> from hermite_eq.models import RandomTransformer, Ratios, Task
    >>> from hermite_eq.theory import icl_curve
    >>> points = [Ratios(alpha=1, kappa=0.5, tau=tau, mu=1) for tau in np.geomspace(0.25, 4, 40)]
    >>> axes = plot_curve(icl_curve(RandomTransformer("relu", ridge=1e-8), Task("relu", noise=0.01), points))
    >>> axes.get_xlabel(), axes.get_title()
    ('training contexts τ = n/d²', 'λ = 1e-08, α = 1, κ = 0.5, μ = 1, target = relu, ρ = 0.01, d = ∞')
    """
    listed: Sequence[Curve] = [curves] if isinstance(curves, TheoryCurve | SimulatedRuns) else sequence(curves, "curves")
    error = one_of(error, ("icl", "idg", "g_task"), "error")
    x = None if x is None else one_of(x, tuple(AXIS_LABEL), "x")
    style = None if style is None else function(style, "style")
    thresholds, legend = flag(thresholds, "thresholds"), flag(legend, "legend")
    if not listed:
        raise HypothesisError("there is a curve to draw", "none", "pass at least one curve")
    drawn = [_Drawable.of(curve, error) for curve in listed]
    _check_dimensions(drawn, x)
    x = x or _varying(drawn)
    _check_positive(drawn, x, error)
    axes = figure_axes(axes, 4.4)
    labels, same = _labels(drawn, x)
    handles: list[Any] = []
    for i, (item, automatic) in enumerate(zip(drawn, _automatic(drawn, labels, x), strict=True)):
        chosen = outcome(style, "style", item.source) if style else {}
        keywords: dict[str, Any] = automatic | mapping(chosen, "what style returns", lambda value, _: value)
        if item.stderr is None:
            handles += axes.plot(item.column(x), np.where(item.mean > 0, item.mean, np.nan), **{**LINE, **keywords})
        else:
            place = item.column(x) * keywords.pop("shift", 1.0)
            handles.append(axes.errorbar(place, item.mean, _finite(item.stderr), **{**DOTS, **keywords}))
        labels[i] = str(handles[-1].get_label())
    _frame(axes, drawn, x, error)
    entitle(axes, same)
    if thresholds:
        _mark_thresholds(axes, drawn, x)
    if legend:
        both = len({item.stderr is None for item in drawn}) == 2
        paired_legend(axes, handles, labels, title=KINDS if both else None)
    return axes


def _finite(stderr: Array) -> Array:
    """A single run has no standard error: no bar."""
    return np.where(np.isfinite(stderr), stderr, 0.0)


def _check_positive(drawn: Sequence[_Drawable], x: Abscissa, error: Error) -> None:
    for item in drawn:
        if np.isnan(item.column(x)).any():
            raise HypothesisError(f"every point has a value on the abscissa {x}", f"none in {item.model}", "choose another x")
    if not any(((item.mean > 0) & np.isfinite(item.mean)).any() for item in drawn):
        raise HypothesisError("some error is positive and finite, for a logarithmic axis", f"no such {error}", "draw another error")


def _frame(axes: Axes, drawn: Sequence[_Drawable], x: Abscissa, error: Error) -> None:
    """Logarithmic axes which show all dots, and lines up to a peak."""
    from matplotlib.ticker import LogLocator

    places = np.concatenate([item.column(x) for item in drawn])
    scale = "linear" if x in ("weights", "test_weights") or places.min() <= 0 else "log"
    axes.set(xscale=scale, yscale="log", xlabel=AXIS_LABEL[x], ylabel=ERROR_LABEL[error])
    dots = [item.mean[item.mean > _finite(item.stderr)] for item in drawn if item.stderr is not None]
    lines = [item.mean[(item.mean > 0) & np.isfinite(item.mean)] for item in drawn if item.stderr is None]
    dots, lines = [part for part in dots if len(part)], [part for part in lines if len(part)]
    high = max(float(part.max()) for part in dots) if dots else max(min(float(part.max()), 8 * float(np.median(part))) for part in lines)
    low = min(float(part.min()) for part in dots or lines)
    low = min([low, *(max(float(part.min()), low / 3) for part in lines)])
    axes.set_ylim(0.85 * low, 1.35 * high)
    if scale == "log":
        axes.set_xlim(places.min() / 1.08, places.max() * 1.08)
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))[scale == "linear" :]:
        decades = math.log10(limits[1] / limits[0])
        steps = next((steps for most, steps in _STEPS if decades < most), (1.0,))
        axis.set_major_locator(LogLocator(subs=steps, numticks=30))
        plain_ticks(axis)


def _mark_thresholds(axes: Axes, drawn: Sequence[_Drawable], x: Abscissa) -> None:
    marks: dict[float, set[str]] = {}
    for item in drawn:
        if isinstance(item.model, LinearTransformer) and x == "tau":
            marks.setdefault(1.0, set()).add("n = d²")
        elif isinstance(item.model, RandomTransformer) and x in ("tau", "mu", "mu/tau"):
            other = np.unique(np.round(item.column("mu" if x == "tau" else "tau"), 6))
            if x == "mu/tau" or (len(other) == 1 and np.isfinite(other[0])):
                marks.setdefault(1.0 if x == "mu/tau" else float(other[0]), set()).add("n = m")
    low, high = axes.get_xlim()
    for place, names in marks.items():
        if low < place < high:
            text = "n = m = d²" if len(names) > 1 else names.pop()
            axes.axvline(place, color=PALE, linewidth=0.8, zorder=0)
            axes.text(place, 0.015, f" {text}", transform=axes.get_xaxis_transform(), fontsize=8, color=GREY, va="bottom")
