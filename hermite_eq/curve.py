"""Errors along a curve: the settings at its points, and what the results of theory and of simulation have in common."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from hermite_eq.arguments import count, sequence
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.models import Ratios, Sizes, Task

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

_SIZES = tuple(f.name for f in fields(Sizes))
_RATIOS = tuple(f.name for f in fields(Ratios))
#: The context length of the test, that of training where it is not told.
_OWN = ("test_context", "test_alpha")
#: Numbers at each end of a printed curve.
_SHOWN = 3


Counts = Sequence[int] | NDArray[np.integer[Any]]
Values = Sequence[float] | NDArray[np.floating[Any]] | NDArray[np.integer[Any]]


class Along(TypedDict, total=False):
    """What varies along a curve: one of these, as a sequence of values."""

    d: Counts
    context: Counts
    test_context: Counts
    tasks: Values
    samples: Counts
    hidden: Counts
    alpha: Values
    test_alpha: Values
    kappa: Values
    tau: Values
    mu: Values
    ridge: Values
    noise: Values
    weights: Sequence[Sequence[float]] | Array
    test_weights: Sequence[Sequence[float]] | Array


#: Everything a curve may be along.
AXES = tuple(Along.__annotations__)


@dataclass(frozen=True)
class Setting:
    """What one error is asked of.

    Attributes
    ----------
    model : LinearTransformer, RandomTransformer or OneStepTransformer
    task : Task, SoftmaxAttention or GivenMoments
    sizes : Sizes or Ratios

    Examples
    --------
    >>> from hermite_eq.models import LinearTransformer
    >>> setting = Setting(LinearTransformer(0.1), Task("relu", 0.01), Sizes(8, 8, 4, 64))
    >>> setting.at("samples", 128).sizes.samples, setting.at("ridge", 1.0).model.ridge, setting.at("noise", 0.5).task.noise
    (128, 1.0, 0.5)
    """

    model: Any
    task: Any
    sizes: Any

    def at(self, axis: str, value: Any) -> Setting:
        """The setting with another value on an axis. Another d, or ratio of finite sizes, leaves the (other) ratios as they are."""
        if axis == "ridge":
            return replace(self, model=replace(self.model, ridge=value))
        if axis == "noise" and isinstance(self.task, Task):
            return replace(self, task=self.task.with_noise(value))
        if axis in ("weights", "test_weights") and isinstance(self.task, Task):
            return replace(self, task=replace(self.task, **{axis: value}))
        if axis in (_RATIOS if isinstance(self.sizes, Ratios) else _SIZES[1:]):
            return replace(self, sizes=replace(self.sizes, **{axis: value}))
        if isinstance(self.sizes, Sizes) and axis in (*_RATIOS, "d"):
            ratios = asdict(self.sizes.ratios)
            d = value if axis == "d" else self.sizes.d
            return replace(self, sizes=Sizes.from_ratios(d, **(ratios if axis == "d" else ratios | {axis: value})))
        owner = {"noise": "a Task", "weights": "several sources", "test_weights": "several sources"}.get(axis, "finite sizes")
        raise HypothesisError(f"{axis} is a property of {owner}", f"{self.task} at {self.sizes}", f"vary one of {', '.join(AXES)}")

    def value(self, axis: str) -> Any:
        """What stands on an axis at this setting: a number, or the weights of the sources."""
        if axis == "ridge":
            return self.model.ridge
        if axis == "noise" and isinstance(self.task, Task):
            return self.task.sources[0].noise
        if axis in ("noise", "weights", "test_weights"):
            return getattr(self.task, axis)
        where = self.sizes if hasattr(self.sizes, axis) else self.sizes.ratios
        return getattr(where.tested, axis.removeprefix("test_")) if axis in _OWN else getattr(where, axis)


def settings_along(model: Any, task: Any, where: Any, along: Mapping[str, Any]) -> tuple[str | None, tuple[Setting, ...]]:
    """The axis of a curve, where there is one, and its settings: at a sequence of points, or along one axis from one point.

    Raises
    ------
    HypothesisError
        If neither or both are given, several axes are, or points are repeated.
    """
    unknown = [name for name in along if name not in AXES]
    if unknown:
        raise ArgumentTypeError(f"a curve is along one of {', '.join(AXES)}", unknown[0], "pass samples=[100, 200], say")
    if isinstance(where, Sizes | Ratios):
        if len(along) != 1:
            raise HypothesisError(
                "from one point a curve is along one axis", ", ".join(along) or "none", "pass samples=[100, 200], say, or a list of points"
            )
        ((axis, values),) = along.items()
        values = sequence(values, axis)
        if not values:
            raise HypothesisError("a curve has at least one point", f"{axis}=[]", "pass samples=[100, 200], say")
        if any(value is None for value in values):
            raise HypothesisError("a curve is along numbers", f"{axis}={list(values)}", "pass samples=[100, 200], say")
        settings = tuple(Setting(model, task, where).at(axis, value) for value in values)
        places = [setting.value(axis) for setting in settings]
        if any(same(place, other) for place, other in itertools.combinations(places, 2)):
            raise HypothesisError("the points of a curve differ", f"{axis}={list(values)}", "drop the repeated values")
        return axis, settings
    if along:
        raise HypothesisError("listed points vary by themselves", f"a list of points and {', '.join(along)}", "pass one of the two")
    points = sequence(where, "points")
    kinds = {type(point) for point in points}
    if kinds != {Sizes} and kinds != {Ratios}:
        raise HypothesisError(
            "the points are all Sizes, or all Ratios",
            ", ".join(sorted(kind.__name__ for kind in kinds)) or "no points",
            "pass [Sizes(…), …] or [Ratios(…), …]",
        )
    settings = tuple(Setting(model, task, point) for point in points)
    names = _RATIOS if kinds == {Ratios} else _SIZES
    varying = [name for name in names if len({getattr(point, name) for point in points}) > 1]
    return (varying[0] if len(varying) == 1 else None), settings


def place(i: Any, points: int) -> int:
    """``i`` as the number of a point, counted from the end where it is negative."""
    return count(i if not isinstance(i, int) or i >= 0 else i + points, "i", "the number of a point", most=points - 1)


def same(first: Any, second: Any) -> bool:
    """Equality of values, arrays and NaN included."""
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return bool(np.array_equal(first, second, equal_nan=np.asarray(first).dtype.kind == "f"))
    return bool(first == second)


class ByValue:
    """Dataclasses with arrays among their fields that are equal where all fields are."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))  # type: ignore[arg-type]


class Curve(ByValue, ABC):
    """Errors of one model at several settings: what :func:`icl_curve` of theory and of simulation return.

    Attributes
    ----------
    settings : tuple of Setting
    axis : str or None
        What varies, where it is one of the sizes, ratios, the ridge, the noise or the weights of the sources.
    """

    if TYPE_CHECKING:

        @property
        def axis(self) -> str | None: ...
        @property
        def settings(self) -> tuple[Setting, ...]: ...

    @abstractmethod
    def table(self) -> dict[str, Array]:
        """Numbers at every point: ``icl``, ``icl_stderr``, ``idg``, ``idg_stderr``, with several sources ``icl_0``, …; and others."""

    @property
    def values(self) -> tuple[Any, ...]:
        """What stands on the axis at each point; the sizes themselves where nothing alone varies."""
        return tuple(s.sizes if self.axis is None else s.value(self.axis) for s in self.settings)

    @property
    def model(self) -> Any:
        """The model; along the ridge that of the first point."""
        return self.settings[0].model

    @property
    def task(self) -> Any:
        """The task; along the noise or the weights of the sources that of the first point."""
        return self.settings[0].task

    def to_dataframe(self) -> pandas.DataFrame:
        """One row per point: its sizes or ratios, what else stands on the axis, then the errors."""
        import pandas

        own = {name for name in _OWN if any(getattr(s.sizes, name, None) is not None for s in self.settings)}
        rows = [
            {name: value for name, value in asdict(s.sizes).items() if name not in _OWN}
            | {name: s.value(name) for name in own}
            | ({} if self.axis is None else {self.axis: s.value(self.axis)})
            for s in self.settings
        ]
        return pandas.DataFrame(rows).assign(**self.table())

    def plot(self, *arguments: Any, **keywords: Any) -> Axes:
        """Draw the curve: :func:`hermite_eq.plotting.plot_curve` of it, which draws several too."""
        import hermite_eq

        draw: Any = hermite_eq.plotting.plot_curve
        axes: Axes = draw(self, *arguments, **keywords)
        return axes

    def __hash__(self) -> int:
        return hash((type(self), self.settings))

    def __repr__(self) -> str:
        columns = self.table()
        place = "points" if self.axis is None else self.axis
        shown = [f"{place} {_numbers(range(len(self.settings)) if self.axis is None else self.values)}"]
        for name in ("icl", "idg"):
            noisy = np.any(columns[f"{name}_stderr"])
            shown.append(f"{name.upper()} {_numbers(columns[name])}" + (f" ± {_numbers(columns[f'{name}_stderr'])}" if noisy else ""))
        return f"<{type(self).__name__} of {self.model}: {', '.join(shown)}>"


def _numbers(values: Sequence[Any] | Array) -> str:
    texts = [f"{value:.5g}" if isinstance(value, int | float) else str(value) for value in values]
    return ", ".join(texts if len(texts) <= 2 * _SHOWN else [*texts[:_SHOWN], "…", *texts[-_SHOWN:]])
