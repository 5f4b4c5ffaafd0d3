"""The stored runs of a campaign as curves, beside the theory at the same points."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hermite_eq.curve import Setting as Point
from hermite_eq.models import AnyTask, OneStepTransformer, PolynomialActivation, RandomTransformer, Ratios, Sizes, Task
from hermite_eq.simulate import DiscreteMMSE, MonteCarlo
from hermite_eq.simulate.population import label_moments, task_norms
from verify.campaigns.campaign import Campaign, Error, Family, Panel, Predictor, Setting, label, pick
from verify.campaigns.theory import Points, Predictions, Theory
from verify.store.run import Record
from verify.store.store import Store

Array = NDArray[np.float64]
#: Panel and family by their numbers, and the curve by its name.
Key = tuple[int, int, str]


@dataclass(frozen=True, eq=False)
class Curve:
    """Simulated errors of one model along the axis of a panel, beside the theory that ``predict`` knows of points.

    Shapes are (runs, points), of ``source_runs`` (runs, points, sources), without sources for a task that has one; ``fallbacks`` counts for
    each point the runs in which the slower solver was needed.
    """

    panel: Panel
    family: Family
    name: str
    settings: tuple[Setting, ...]
    icl_runs: Array = field(repr=False)
    idg_runs: Array = field(repr=False)
    source_runs: Array = field(repr=False)
    fallbacks: NDArray[np.int64] = field(repr=False)
    predict: Callable[[Points], Theory] = field(repr=False)

    @property
    def values(self) -> Array:
        """Along the axis."""
        return np.array([setting.value for setting in self.settings])

    @property
    def model(self) -> Predictor:
        """That at the first point: along some axes its numbers vary."""
        return self.settings[0].models[self.name]

    @property
    def task(self) -> AnyTask:
        return self.settings[0].task

    @property
    def head(self) -> str:
        """The activation, or the name of a linear Transformer."""
        return self.name.partition(",")[0]

    @property
    def runs(self) -> int:
        return len(self.icl_runs)

    @property
    def predicted(self) -> bool:
        """Whether it is of a model that has a theory."""
        return not isinstance(self.model, DiscreteMMSE)

    @property
    def degree(self) -> int | None:
        """Of an equivalent; None for another model."""
        head = getattr(self.model, "head", None) if isinstance(self.model, OneStepTransformer) else getattr(self.model, "activation", None)
        return head.degree if isinstance(head, PolynomialActivation) else None

    def runs_of(self, error: Error) -> Array:
        """One value for each run and point."""
        return pick(error, self.icl_runs, self.idg_runs, self.source_runs)

    def simulated(self, error: Error) -> MonteCarlo:
        """Means and standard errors."""
        return MonteCarlo.from_runs(self.runs_of(error))

    @property
    def points(self) -> Points:
        """What the theory is asked of."""
        return tuple(setting.point(self.name) for setting in self.settings)

    def only(self, i: int) -> Curve:
        """The curve of one point."""
        here = slice(i, i + 1)
        return dataclasses.replace(
            self,
            settings=self.settings[here],
            icl_runs=self.icl_runs[:, here],
            idg_runs=self.idg_runs[:, here],
            source_runs=self.source_runs[:, here],
            fallbacks=self.fallbacks[here],
        )

    def believing(self, change: Callable[[Point], Point]) -> Curve:
        """The same runs beside the theory of other models, tasks or sizes."""
        return dataclasses.replace(self, predict=lambda points: self.predict(tuple(map(change, points))))

    @functools.cached_property
    def prediction(self) -> Theory:
        """The theory at the same points."""
        if not self.predicted:
            none = np.full(len(self.settings), math.nan)
            return Theory(none, none, np.full(self.source_runs.shape[1:], math.nan), ((),) * len(none))
        return self.predict(self.points)

    def theory(self, error: Error) -> Array:
        """The theory at the same points, NaN where it declines."""
        return self.prediction.of(error)

    def stderr(self, error: Error) -> Array:
        """The standard errors of simulation and theory together."""
        own = self.prediction.stderr
        theory = np.hypot(*own) if error == "g_task" else own[int(error == "idg")]
        return np.asarray(np.hypot(self.simulated(error).stderr, theory))

    def scale(self, error: Error) -> Array:
        """What an error is relative to: itself, but for g_task, which passes through zero."""
        return self.theory("icl" if error == "g_task" else error)

    def limit(self, error: Error) -> Array:
        """The theory at d = ∞, at the ratios of the simulated points."""
        return self.predict(tuple(map(at_infinity, self.points))).of(error)

    def at(self, d: int) -> Theory:
        """The theory at the same values and another d."""
        return self.predict(tuple(setting.point(self.name) for setting in self.panel.settings(self.family, d)))

    def parts(self, error: Error) -> list[Error]:
        """What an error is judged on: with the ICL error that on each source, where there are several."""
        count = self.source_runs.shape[2]
        return [error, *(range(count) if count > 1 and error == "icl" else ())]

    def line(self, d: float) -> tuple[Array, Points]:
        """Values and points of the theory line at d, or at infinity; none without theory."""
        if not self.predicted:
            return np.empty(0), ()
        # The grid of the limit need not be that of whole sizes; it is that of a large d.
        settings = self.panel.fine(self.family, 1000 if d == math.inf else int(d))
        points = [setting.point(self.name) for setting in settings]
        return np.array([setting.value for setting in settings]), tuple(map(at_infinity, points) if d == math.inf else points)


def at_infinity(point: Point) -> Point:
    """The same ratios, in the limit."""
    assert isinstance(point.sizes, Sizes)
    ratios: Ratios = point.sizes.ratios
    return dataclasses.replace(point, sizes=ratios)


def constant_error(task: Task, d: int) -> float:
    """Error of the best constant predictor, the variance of the label over fresh tasks.

    >>> round(constant_error(Task("identity", noise=0.25), 10), 12)
    1.25
    """
    s, weights = task_norms(d)
    moments = label_moments(task, s)
    return float(weights @ moments.y2 - (weights @ moments.y) ** 2)


@dataclass(frozen=True, eq=False)
class Results:
    """All curves of a campaign at one d, by panel, family and name."""

    d: int
    runs: int
    curves: Mapping[Key, Curve]

    def get(self, name: str, panel: int = 0, family: int = 0) -> Curve:
        """The curve of that name."""
        return self.curves[panel, family, name]

    def of_panel(self, panel: int) -> list[Curve]:
        """The curves of a panel."""
        return [curve for (index, _, _), curve in self.curves.items() if index == panel]

    def where(self, key: Key) -> str:
        """What distinguishes the family and panel of a curve from those of others."""
        return self._places[key]

    @functools.cached_property
    def _places(self) -> dict[Key, str]:
        parts = {key: curve.family.where(curve.panel.axis, curve.name) for key, curve in self.curves.items()}
        same = [len(set(column)) < 2 and len(parts) > 1 for column in zip(*parts.values(), strict=True)]
        places = {
            key: ", ".join(part for part, constant in zip(names, same, strict=True) if part and not constant)
            for key, names in parts.items()
        }
        # Models which do not see what distinguishes the panels, on draws of their own in each.
        named = [(name, places[index, number, name]) for index, number, name in places]
        return {
            key: place + f"{', ' * bool(place)}panel {key[0] + 1}" * (named.count((key[2], place)) > 1) for key, place in places.items()
        }

    def subject(self, key: Key) -> str:
        """The name of a curve, and what distinguishes it."""
        return ", ".join(filter(None, (key[2], self.where(key))))

    def replaced(self, change: Callable[[Curve], Curve]) -> Results:
        """The same with every curve changed."""
        return dataclasses.replace(self, curves={key: change(curve) for key, curve in self.curves.items()})


def results(campaign: Campaign, d: int, records: Sequence[Record], predict: Callable[[Points], Theory] | None = None) -> Results:
    """Runs as curves."""
    sweeps, predict = campaign.sweeps(d), predict or Predictions()
    curves = {}
    for index, panel in enumerate(campaign.panels):
        for number, family in enumerate(panel.families):
            places = {
                Point(model, sweep.task, sizes): (i, label(model), j)
                for i, sweep in enumerate(sweeps)
                if sweep.key[:2] == (index, number)
                for model in sweep.models
                for j, sizes in enumerate(sweep.points)
            }
            settings = panel.settings(family, d)
            for name in settings[0].models:
                along = [places[setting.point(name)] for setting in settings]
                cells = [[{entry: column[j] for entry, column in record[i][model].items()} for i, model, j in along] for record in records]
                icl, idg, fallbacks, sources = (
                    np.array([[cell.get(entry, ()) for cell in row] for row in cells]) for entry in ("icl", "idg", "fallback", "sources")
                )
                curves[index, number, name] = Curve(
                    panel, family, name, settings, icl, idg, sources, fallbacks.astype(int).sum(axis=0), predict
                )
    return Results(d, len(records), curves)


def load(store: Store) -> Results:
    """The curves of the stored runs, with a theory that is kept beside them."""
    return results(store.setup.campaign, store.setup.d, [run.record for run in store.read().values()], Predictions(store.folder))


def is_head(curve: Curve) -> bool:
    """Whether it is of a Transformer with a first layer that is not an equivalent."""
    return isinstance(curve.model, RandomTransformer | OneStepTransformer) and curve.degree is None
