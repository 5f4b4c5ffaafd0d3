"""The error at one point, icl_error, and at many, icl_curve: the law of features and label, solved."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Unpack, overload

import numpy as np
from numpy.typing import NDArray

from hermite_eq.arguments import count, instance, shown
from hermite_eq.curve import Along, Curve, Setting, settings_along
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.models import AnyTask, OneStepTransformer, RandomTransformer, Ratios, Sizes, Task, TrainedModel
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.theory.feature_law.choice import feature_law
from hermite_eq.theory.feature_law.given_moments import GivenMoments
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import solve
from hermite_eq.theory.linear_limits.structured_tasks import TaskPopulation
from hermite_eq.theory.neuron_types.features import NODES, TypedLaw
from hermite_eq.theory.prediction import QUANTITIES, REMAINDER, ErrorCurve, TheoryError

Array = NDArray[np.float64]
#: Contexts of one average in :func:`spiked_icl_error`; 2^20 take minutes.
_MOST_NODES = 2**20
AnyLaw = AnyTask | GivenMoments | TaskPopulation
Points = Sequence[Sizes] | Sequence[Ratios] | Sizes | Ratios


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class TheoryCurve(Curve, ErrorCurve):
    """Predicted errors at many points; the arrays have the fields of :class:`TheoryError`, one entry per point.

    Attributes
    ----------
    icl, idg, bias, variance, effective_ridge, dof, fixed_point_residual : ndarray
        As in :class:`TheoryError`.
    settings : tuple of Setting
        Model, task and sizes or ratios at every point.
    axis : str or None
        What varies.
    notes : tuple of str
        Those that hold at every point.
    icl_by_source : ndarray or None
        One row per point, one column per test source.
    icl_stderr, idg_stderr : ndarray
        As in :class:`TheoryError`.
    """

    settings: tuple[Setting, ...]
    axis: str | None = None
    icl_stderr: Array
    idg_stderr: Array

    __hash__ = Curve.__hash__

    def __getitem__(self, i: int) -> TheoryError:
        point = super().__getitem__(i)
        sizes = self.settings[i].sizes
        return replace(
            point, icl_stderr=float(self.icl_stderr[i]), idg_stderr=float(self.idg_stderr[i]),
            remainder=REMAINDER / sizes.d if isinstance(sizes, Sizes) else 0.0,
        )  # fmt: skip

    @property
    def error(self) -> Array:
        """What ``icl`` may be off by at each point, as in :class:`TheoryError`."""
        return np.array([point.error for point in self])

    def table(self) -> dict[str, Array]:
        """The errors and what they are made of by name, with several sources ``icl_0``, …: the error on each."""
        by_source = () if self.icl_by_source is None else self.icl_by_source.T
        several = {f"icl_{s}": column for s, column in enumerate(by_source)} if len(by_source) > 1 else {}
        return {name: getattr(self, name) for name in QUANTITIES} | {"icl_stderr": self.icl_stderr, "idg_stderr": self.idg_stderr} | several


@overload
def icl_curve(models: TrainedModel, task: AnyLaw, points: Points, **along: Unpack[Along]) -> TheoryCurve: ...
@overload
def icl_curve(models: Sequence[TrainedModel], task: AnyLaw, points: Points, **along: Unpack[Along]) -> tuple[TheoryCurve, ...]: ...
def icl_curve(
    models: TrainedModel | Sequence[TrainedModel], task: AnyLaw, points: Points, **along: Unpack[Along]
) -> TheoryCurve | tuple[TheoryCurve, ...]:
    """The in-context error of trained Transformers at many points.

    Parameters
    ----------
    models : LinearTransformer, RandomTransformer, OneStepTransformer, or a sequence of them
    task : Task, SoftmaxAttention, GivenMoments or TaskPopulation
        Under softmax attention one isotropic source with fresh tasks, at finite d. Given moments of h and label (:func:`given_moments`)
        stand for d, context and tasks: of the points n and m matter. Populations of tasks of any covariance are those of the linear
        Transformer in the limit.
    points : sequence of Sizes or of Ratios; or Sizes or Ratios
        Points of equal d, context, tasks and test_context are solved together, as are all Ratios.
    **along
        From one point, what varies and its values: ``d`` (at equal ratios), ``context``, ``test_context``, ``tasks``, ``samples``,
        ``hidden``, ``alpha``, ``test_alpha``, ``kappa``, ``tau``, ``mu``, ``ridge``, ``noise``, and of several sources ``weights`` or
        ``test_weights``.

    Returns
    -------
    TheoryCurve, or a tuple of them where ``models`` is a sequence

    Raises
    ------
    HypothesisError
        As :func:`icl_error`; also if the points are neither all Sizes nor all Ratios, or nothing or too much varies.

    Examples
    --------
    >>> from hermite_eq.models import LinearTransformer, RandomTransformer
    >>> ratios = Ratios(alpha=1, kappa=0.5, tau=1, mu=1)
    >>> icl_curve(RandomTransformer("relu", ridge=0), Task("relu", noise=0.01), ratios, tau=[0.5, 1, 2]).icl.round(3)
    array([0.688,   inf, 0.62 ])
    >>> icl_curve(LinearTransformer(ridge=0.1), Task("relu"), ratios, noise=[0.0, 0.1, 1.0])
    <TheoryCurve of linear: noise 0, 0.1, 1, ICL 0.81697, 1.0671, 3.8401, IDG 0.68811, 0.93777, 3.7206>
    """
    if isinstance(models, Sequence) and not isinstance(models, str):
        return tuple(icl_curve(model, task, points, **along) for model in models)
    axis, settings = settings_along(models, task, points, along)
    columns: dict[str, Array] = {}
    notes: list[str] = []
    for indices in _groups(settings, axis):
        first, at = settings[indices[0]], [settings[i].sizes for i in indices]
        solved, remarks = solve(feature_law(first.model, first.task, at), at)
        for name, part in solved.items():
            columns.setdefault(name, np.zeros((len(settings), *part.shape[1:])))[indices] = part
        notes += [note for note in remarks if note not in notes]
    return TheoryCurve(settings=settings, axis=axis, **columns, notes=tuple(notes))


def _groups(settings: Sequence[Setting], axis: str | None) -> list[list[int]]:
    """Indices of the points of one law: Ratios, or Sizes of equal d, context and tasks, where model and task do not vary."""
    groups: dict[Hashable, list[int]] = {}
    for i, setting in enumerate(settings):
        sizes = setting.sizes
        own = i if axis in ("ridge", "noise", "weights", "test_weights") else None
        common = (sizes.d, sizes.context, sizes.tasks, sizes.test_context) if isinstance(sizes, Sizes) else None
        groups.setdefault((own, common), []).append(i)
    return list(groups.values())


def icl_error(model: TrainedModel, task: AnyLaw, sizes: Sizes | Ratios) -> TheoryError:
    r"""The in-context error of a trained Transformer, from theory.

    Parameters
    ----------
    model : LinearTransformer, RandomTransformer or OneStepTransformer
        The head of a random Transformer may be an activation or an equivalent polynomial activation. For a gradient step see
        :mod:`hermite_eq.theory.feature_law.gradient_step`.
    task : Task, GivenMoments or TaskPopulation
        See :func:`icl_curve`.
    sizes : Ratios or Sizes
        Ratios give the limit d = ∞; there the random head's ridge per sample λ/d vanishes, so that its λ plays no role
        (λ → 0+), and several sources are isotropic with a fresh task in every context. Sizes give the prediction at finite d: ridge per
        sample λ/d, D = d(d+1) entries of h, and the fluctuating norms of x, ξ and b, which move the error by O(1/d) (a head with
        ``normalise=True`` sees less of them).

    Returns
    -------
    TheoryError

    Raises
    ------
    HypothesisError
        If the labels vanish, the head is constant, a random head comes without the number of hidden units, or several sources in the
        limit are not isotropic or have finitely many tasks.

    References
    ----------
    Linear Transformer: Lu et al., arXiv 2405.11751, for a linear target; ``derivations/linear/linear_error.py`` for any.
    Random Transformer (Demir and Dogan, arXiv 2509.15152, eq. (7)): ``derivations/heads/random_features.py``.

    Examples
    --------
    >>> from hermite_eq.models import LinearTransformer, RandomTransformer
    >>> ratios = Ratios(alpha=1, kappa=0.5, tau=1.5, mu=3)
    >>> print(icl_error(LinearTransformer(ridge=0.1), Task("relu", noise=0.01), ratios))
    ICL 0.748157, IDG 0.616201
    >>> print(icl_error(RandomTransformer("relu", ridge=0.1), Task("relu", noise=0.01), ratios))
    ICL 0.675327, IDG 0.553281
    >>> print(icl_error(RandomTransformer("relu", ridge=0.0), Task("relu"), Ratios(alpha=1, kappa=0.5, tau=2, mu=2)))
    ICL inf, IDG inf; exact interpolation without ridge: the error diverges
    """
    if not isinstance(sizes, Sizes | Ratios):
        raise HypothesisError(
            "where to evaluate is given as Sizes (finite d) or Ratios (the limit)",
            f"{type(sizes).__name__}",
            "pass Ratios(alpha=…, kappa=…, tau=…, mu=…) or Sizes.from_ratios(d, …)",
        )
    return icl_curve([model], task, [sizes])[0][0]  # type: ignore[arg-type]


def spiked_icl_error(model: OneStepTransformer | RandomTransformer, task: Task, sizes: Sizes, *, nodes: int = NODES) -> TheoryError:
    r"""The error of a head whose neurons have types, context by context: conditionally on the overlap with the gradient, the signals'
    coordinates and ‖h‖.

    :func:`hermite_eq.icl_error` gives the same for a :class:`RandomTransformer` under a mixture in which one direction of h holds more than
    a fifth of E‖h‖² and few others hold much: large directions are types of the neurons here, where the theory of several sources lets them
    reach the features linearly. For a :class:`OneStepTransformer` it takes from this theory by which factor the step changes an error
    (:mod:`hermite_eq.theory.feature_law.gradient_step`), and the error without a step from the theory that knows it best.

    Parameters
    ----------
    model : OneStepTransformer or RandomTransformer
        With ridge > 0.
    task : Task
        Gaussian inputs whose mean holds little of E‖x‖², tasks Gaussian or on the sphere, input covariances that commute.
    sizes : Sizes
        With ``hidden``, and ``tasks=math.inf``.
    nodes : int
        Contexts of each source, a power of two.

    Returns
    -------
    TheoryError
        ``effective_ridge`` is for the mean gain of the linear part of the features. A note says how far the average over contexts may
        be off.

    Raises
    ------
    HypothesisError
        Outside that domain, where labels have no part linear in h, and where nothing settles.

    References
    ----------
    ``derivations/heads/spiked_features.py`` (the deterministic equivalent), ``docs/topics/heads/spiked.md`` (what is derived,
    measured and open); the setting is that of [DM] §3-4.

    Examples
    --------
    >>> import math
    >>> from hermite_eq.models import Source, Spike
    >>> task = Task(sources=[Source("relu", 0.01, task_cov=Spike(64.0))], unit_inputs=True, unit_link=True)
    >>> sizes = Sizes(d=8, context=16, tasks=math.inf, samples=64, hidden=48)
    >>> still, moved = (spiked_icl_error(OneStepTransformer("relu", eta, 1.0), task, sizes, nodes=512) for eta in (0.0, 64.0))
    >>> moved.icl < still.icl
    True
    """
    head, points = Head.of(model, step=True), [checked_sizes(sizes)]
    if head.linear:
        raise ArgumentTypeError("the head is random", shown(model), "pass RandomTransformer(…) or OneStepTransformer(…)")
    nodes = count(nodes, "nodes", "contexts that an average is over", least=1, most=_MOST_NODES)
    instance(task, Task, "the task is a hermite_eq.Task", "pass hermite_eq.Task(target, noise=0.01)")
    columns, notes = solve(TypedLaw.of(head, task, points, nodes), points)
    by_source = tuple(float(x) for x in columns.pop("icl_by_source")[0])
    values = {name: float(column[0]) for name, column in columns.items()}
    return TheoryError(**values, notes=notes, icl_by_source=by_source, remainder=REMAINDER / sizes.d)
