"""What a campaign is, as frozen data: points of (model, task, sizes) along an axis, and what is said of the errors there."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hermite_eq.curve import Setting as Point
from hermite_eq.models import AnyTask, Ratios, Sizes, Task, TrainedModel
from hermite_eq.simulate import DiscreteMMSE

if TYPE_CHECKING:
    from verify.campaigns.curves import Results
    from verify.claims.check import Check

Array = NDArray[np.float64]
#: What a campaign simulates: trained models, and the estimator that is told the training tasks.
Predictor = TrainedModel | DiscreteMMSE
#: Of sizes, of the second of two sources, η, or a share of the mixture.
Axis = Literal["samples", "hidden", "context", "tasks", "input spike", "task spike", "noise", "step", "share"]
#: An error, or that on a source of the test by its number.
Error = Literal["icl", "idg", "g_task"] | int


def error_name(error: Error) -> str:
    """An error in tables and figures.

    >>> error_name("icl"), error_name("g_task"), error_name(1)
    ('ICL', 'g_task', 'on source 1')
    """
    return f"on source {error}" if isinstance(error, int) else error if error == "g_task" else error.upper()


def pick(error: Error, icl: Array, idg: Array, by_source: Array) -> Array:
    """An error among those of every kind; g_task is ICL − IDG."""
    if isinstance(error, int):
        return np.asarray(by_source[..., error])
    return icl - idg if error == "g_task" else icl if error == "icl" else idg


def label(model: Predictor) -> str:
    """The name of a model in stored results and legends.

    >>> from hermite_eq import LinearTransformer
    >>> label(LinearTransformer(1e-8, intercept=True))
    'linear + intercept, λ = 1e-08'
    """
    return str(model) if isinstance(model, DiscreteMMSE) else f"{model}, λ = {model.ridge:g}"


def source_errors(task: AnyTask) -> int:
    """The number of errors by source that a run keeps: none for one isotropic source, whose error is the ICL error."""
    return len(task.sources) if isinstance(task, Task) and not task.isotropic else 0


@dataclass(frozen=True)
class Setting:
    """Everything at one value of an axis: the models by the names of their curves."""

    value: float
    task: AnyTask
    sizes: Sizes
    models: Mapping[str, Predictor]

    def point(self, name: str) -> Point:
        """What the theory is asked of, for a curve."""
        return Point(self.models[name], self.task, self.sizes)


class Family(ABC):
    """What stays fixed along a curve, for the curves of several models."""

    #: Whether the theory is quick enough for lines denser than the points.
    dense: ClassVar[bool]
    #: Axes along which the points of a run share one draw: n or m alone varies there, or models.
    shared: ClassVar[tuple[Axis, ...]]

    @abstractmethod
    def at(self, axis: Axis, value: float, d: int) -> Setting:
        """Everything at one value of the axis, which replaces what the family has there."""

    @abstractmethod
    def legend(self, axis: Axis) -> str:
        """What is fixed along a curve."""

    @abstractmethod
    def where(self, axis: Axis, name: str) -> tuple[str, ...]:
        """What may distinguish the curve ``name`` from that of another family."""

    @abstractmethod
    def abscissa(self, axis: Axis) -> str:
        """The label of the axis."""


@dataclass(frozen=True)
class Fixed(Family):
    """Models and a task that are the same at every d.

    Attributes
    ----------
    task : Task or SoftmaxAttention
    models : tuple of models
        Trained on common draws; dMMSE on the same training tasks.
    ratios : Ratios
        Its entry for the axis is ignored; along ``hidden`` the axis is m/n, and along ``share`` the share of the second of two sources.
    name : str
        In legends, where the ratios are not what distinguishes.
    """

    task: AnyTask
    models: tuple[Predictor, ...]
    ratios: Ratios
    name: str = ""
    dense = True
    shared = ("samples", "hidden")

    def at(self, axis: Axis, value: float, d: int) -> Setting:
        fixed = {"alpha": self.ratios.alpha, "kappa": self.ratios.kappa, "tau": self.ratios.tau}
        mu, task = self.ratios.mu, self.task
        if axis == "share":
            assert isinstance(task, Task)
            task = replace(task, weights=(1 - value, value))
        elif axis == "hidden":
            mu = value * Sizes.from_ratios(d, **fixed).samples / d**2
        else:
            fixed[{"samples": "tau", "context": "alpha", "tasks": "kappa"}[axis]] = value
        sizes = Sizes.from_ratios(d, **fixed, mu=mu)
        ratios = sizes.ratios
        values = {"samples": ratios.tau, "context": ratios.alpha, "tasks": ratios.kappa, "hidden": (sizes.hidden or 0) / sizes.samples}
        return Setting(values.get(axis, value), task, sizes, {label(model): model for model in self.models})

    def legend(self, axis: Axis) -> str:
        if self.name:
            return self.name
        names = {"samples": "ακ", "hidden": "ακτ", "context": "κτ", "tasks": "ατ"}[axis]
        values = {"α": self.ratios.alpha, "κ": self.ratios.kappa, "τ": self.ratios.tau}
        return ", ".join(f"{name} = {'∞' if values[name] == math.inf else format(values[name], 'g')}" for name in names)

    def where(self, axis: Axis, name: str) -> tuple[str, ...]:
        return (self.name,) if self.name else (str(self.task), self.legend(axis))

    def abscissa(self, axis: Axis) -> str:
        return {"samples": "n/d²", "hidden": "m/n", "context": "ℓ/d", "tasks": "k/d", "share": "share of the second source"}[axis]


@dataclass(frozen=True)
class Sweep:
    """Points which share one draw in every run: one call of :func:`hermite_eq.simulate.icl_curve`, along ``axis``.

    The seeds are spawned with ``key``: panel, family, and point where every point is a draw of its own.
    """

    key: tuple[int, ...]
    task: AnyTask
    models: tuple[Predictor, ...]
    points: tuple[Sizes, ...]
    axis: Literal["samples", "hidden"]

    @classmethod
    def of(cls, key: tuple[int, ...], settings: Sequence[Setting], axis: Literal["samples", "hidden"]) -> Sweep:
        """That of settings with one task; where nothing but models varies, all are of one size."""
        models = dict.fromkeys(model for setting in settings for model in setting.models.values())
        return cls(key, settings[0].task, tuple(models), tuple(dict.fromkeys(setting.sizes for setting in settings)), axis)

    @property
    def values(self) -> list[int]:
        """What varies."""
        return [getattr(sizes, self.axis) for sizes in self.points]

    @property
    def sizes(self) -> Sizes:
        """The largest."""
        return self.points[int(np.argmax(self.values))]


@dataclass(frozen=True)
class Panel:
    """Curves along one axis.

    Attributes
    ----------
    axis : str
        The points of a run share one draw, or each has its own, as the family says.
    values : tuple of float
        In the units of the family's abscissa.
    families : tuple of Family
    errors : tuple of {"icl", "idg", "g_task"}
        What the figure shows.
    paired : bool
        Whether points that are no part of one draw have the same seeds, so that they differ by what is left of one draw.
    """

    axis: Axis
    values: tuple[float, ...]
    families: tuple[Family, ...]
    errors: tuple[Error, ...] = ("icl",)
    paired: bool = False

    def settings(self, family: Family, d: int) -> tuple[Setting, ...]:
        """Everything along a curve."""
        return tuple(family.at(self.axis, value, d) for value in self.values)

    def sweeps(self, index: int, d: int) -> Iterator[Sweep]:
        """The simulations of this panel, number ``index`` of its campaign."""
        for number, family in enumerate(self.families):
            settings = self.settings(family, d)
            if self.axis in family.shared:
                yield Sweep.of((index, number), settings, "hidden" if self.axis == "hidden" else "samples")
            else:
                yield from (
                    Sweep.of((index, number) if self.paired else (index, number, j), [setting], "samples")
                    for j, setting in enumerate(settings)
                )

    def fine(self, family: Family, d: int) -> list[Setting]:
        """Settings for a theory line: of a quick theory denser than the points, most of all about the interpolation threshold."""
        values: Sequence[float] = self.values
        if family.dense and self.axis != "share":
            low, high = min(values), max(values)
            # Along ℓ and k the law of the contexts and the spectrum are new at every point.
            shared = self.axis in ("samples", "hidden")
            grid = [np.geomspace(low, high, 60 if shared else 24)]
            if shared:
                grid.append(np.linspace(max(low, 0.8), min(high, 1.25), 30))
            values = np.sort(np.concatenate(grid)).tolist()
        settings = [family.at(self.axis, value, d) for value in values]
        return list({(setting.value, setting.sizes): setting for setting in settings}.values())


class Claim(Protocol):
    """What is said of a campaign: a function whose particulars are bound, of the campaign at several d, the one that is judged first."""

    def __call__(self, *, ladder: Sequence[Results]) -> list[Check]: ...


@dataclass(frozen=True)
class Campaign:
    """A figure: of a paper, or one of ours.

    Attributes
    ----------
    name : str
        As given on the command line.
    figure : str
        The figure of the paper, or the title of ours.
    claim : str
        What the paper says of it, or we do.
    panels : tuple of Panel
    d, runs : int
        The paper's.
    seed : int
    claims : tuple of Claim
        What is held against the stored runs beside the theory of every curve.
    theory_at : tuple of int or inf
        Where there is such, the figure has a subplot for each model, with theory lines at these d and the simulations at all d stored;
        otherwise it shows the simulations at one d, and the theory there.
    queries : int
        Labels predicted from each test context, 2d² in all.
    """

    name: str
    figure: str
    claim: str
    panels: tuple[Panel, ...]
    d: int
    runs: int
    seed: int
    claims: tuple[Claim, ...] = ()
    theory_at: tuple[float, ...] = ()
    queries: int = 1

    def sweeps(self, d: int) -> list[Sweep]:
        """All simulations of one run, in the order in which they are stored."""
        return [sweep for index, panel in enumerate(self.panels) for sweep in panel.sweeps(index, d)]


def curves_panel(
    axis: Axis,
    values: tuple[float, ...],
    task: AnyTask,
    models: tuple[Predictor, ...],
    *ratios: Ratios,
    errors: tuple[Error, ...] = ("icl",),
) -> Panel:
    """A panel of the same task and models at each of ``ratios``."""
    return Panel(axis, values, tuple(Fixed(task, models, point) for point in ratios), errors)
