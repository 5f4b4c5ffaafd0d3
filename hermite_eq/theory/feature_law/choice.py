"""Which description of the contexts holds at points of equal d, ℓ and k: the fastest whose error is below some two per cent.

Measured beside simulated Transformers by ``python -m benchmarks.checks.descriptions`` (ReLU target, n = 2d², m = d², λ = 0.1, ReLU and tanh
heads, h normalised or not, d = 16, 24, 40):

- *few moments*, one type of neuron: within 2 % where no direction holds more than a share s :data:`ALONE` of E‖h‖² and the sum of squares
  of the others' shares is below s :data:`MANY`, :math:`s=c_1^2/(c_1^2+c_2^2/2)`; beyond, up to 27 % (an input spike that holds 45 %);
- *types of neurons*, the directions that hold much: within 1.4 % where one holds more than :data:`TYPED` and the others' squares sum to
  less than :data:`FEW_BESIDE`; but 4 to 11 % for input spikes of 4 and power laws;
- *given contexts*: within its own standard error everywhere, in seconds, up to :data:`MOST_SAMPLES` samples; also of one isotropic source
  where no expansion in 1/d holds (:class:`hermite_eq.theory.feature_law.finite_size.FiniteLaw`).

Beyond few moments, with more samples than that, it is the lesser of the errors by few moments and by types, each of which leaves out
functions that are learnt. Where one direction has a spike of the inputs and of the tasks (4 and 40, ReLU head, d = 34, n = 1.2 d²) moments
are 9 % too high and types 3 %, in twice the standard error; for inputs of a power law 1 they are 3 % and 7 % too high.

Few moments know one energy of h for each class of directions, whose shares differ by the factor :math:`e^{0.4}` at most where the sources
commute and there are classes enough (:data:`hermite_eq.theory.spectra.blocks.ALIKE`). Beyond :data:`UNLIKE` contexts are given:
``tests/theory/feature_law/test_uneven_inputs.py`` refutes one class for all directions, and few moments of sources that do not commute.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.models import (
    AnyTask,
    Gaussian,
    LinearTransformer,
    RandomTransformer,
    Ratios,
    Sizes,
    SoftmaxAttention,
    Source,
    Sphere,
    Task,
    TrainedModel,
)
from hermite_eq.models.structures import Identity, Structure
from hermite_eq.theory.arguments import check_points
from hermite_eq.theory.feature_law.finite_size import ROUGH, SMALLEST, WIDE, FiniteLaw
from hermite_eq.theory.feature_law.given_contexts import given_context_law
from hermite_eq.theory.feature_law.given_moments import GivenMoments
from hermite_eq.theory.feature_law.gradient_step import StepLaw
from hermite_eq.theory.feature_law.head import Head, unsettled
from hermite_eq.theory.feature_law.law import Columns, FeatureLaw, IsotropicLaw, LawOverDraws, LesserLaw, Solution
from hermite_eq.theory.feature_law.limit import HeadLimit, LinearLimit, SourcesLimit, TargetMoments
from hermite_eq.theory.feature_law.moment_law import MomentLaw, unsettled_moments
from hermite_eq.theory.feature_law.sources.mixture import class_spread, concentration, mean_share, mixture_law, mixture_moments
from hermite_eq.theory.feature_law.sources.softmax import softmax_law
from hermite_eq.theory.feature_law.training_tasks import FEW, LARGEST, given_task_law
from hermite_eq.theory.given_weights import layered_law
from hermite_eq.theory.linear_limits.structured_tasks import StructuredLaw, TaskPopulation
from hermite_eq.theory.neuron_types.features import NODES, TypedLaw, types_of_neurons

Array = NDArray[np.float64]

#: Largest share of E‖h‖² in one direction, and largest sum of squares of the others' shares, that few moments describe for a head that is
#: linear up to degree 2; the latter by itself, and in units of 1/D, its value for isotropic h.
ALONE, MANY, MANY_OF_ALL = 0.145, 0.006, 3.7
#: Difference of logarithms of shares within a class beyond which few moments do not hold: three times what is meant to be, which few
#: sources that commute exceed, and all those that do not.
UNLIKE = 1.2
#: Share from which a direction is a type of the neurons, and largest sums of squares beside it, likewise.
TYPED, FEW_BESIDE, FEW_OF_ALL = 0.2, 0.013, 4.0
#: Relative variance of ‖h‖² from which no law of few moments holds for a head that does not normalise h: 57 % off at 4.7.
WIDEST_MOMENTS = 3.0
#: Draws of the training tasks over which types of neurons are averaged, and contexts of each source in one.
DRAWS_OF_TYPES, NODES_OF_A_DRAW = 4, 2048
#: Samples of which a fit takes seconds.
MOST_SAMPLES = 3600
#: Share of E‖x‖² in the inputs' mean up to which linear heads are within 2 %: 1.2, 3.2 and 12.8 % too high at .2, .33 and .5 (ReLU target,
#: d = 20, n = 600).
SMALL_MEAN = 0.25
#: Entries of covariances which differ by less than so many roundings of the largest are equal.
_ROUNDINGS = 64
#: Where a structure that holds for every d is compared with another.
_ANY = 3


def feature_law(model: TrainedModel, task: AnyTask | GivenMoments | TaskPopulation, points: Sequence[Any]) -> FeatureLaw:
    """The law of features and label at points of equal d, context and tasks, or at any Ratios.

    Raises
    ------
    HypothesisError
        Where no theory reaches, or the arguments are of no kind that has one.
    """
    deep = model if isinstance(model, RandomTransformer) and model.hidden else None
    head = Head.of(LinearTransformer(model.ridge) if deep else model, step=True)
    if not isinstance(task, Task | SoftmaxAttention | GivenMoments | TaskPopulation):
        raise HypothesisError(
            "the task is a hermite_eq.Task, or given moments", f"{task!r}", "pass hermite_eq.Task(target, noise=0.01), or given_moments(…)"
        )
    if deep:
        return _layered(deep, task, points)
    if isinstance(task, TaskPopulation):
        return StructuredLaw.of(head, task, points)
    limit = isinstance(points[0], Ratios)
    if isinstance(task, SoftmaxAttention):
        if limit:
            raise HypothesisError("softmax attention has a theory at a finite d", f"{points[0]}", "pass Sizes(…)")
        if task.sharpness and points[0].test_context is not None:
            raise HypothesisError(
                "the theory of softmax attention has contexts of one length",
                f"test_context={points[0].test_context}",
                "simulate it: hermite_eq.simulate.icl_error(model, task, sizes, runs=8)",
            )
        return softmax_law(head, task, points) if task.sharpness else feature_law(model, task.task, points)
    if isinstance(task, GivenMoments):
        if limit:
            raise HypothesisError("given covariances have a given d", f"{points[0]}", "pass Sizes(…)")
        if head.step:
            raise HypothesisError("a gradient step is taken on contexts of a Task", f"{task}", "pass Task(…), with its sources")
        if points[0].test_context is not None:
            raise HypothesisError(
                "given moments are those of the contexts in training and in the test",
                f"test_context={points[0].test_context}",
                "pass the test's as test=[Population(…)] to given_moments, and no test_context",
            )
        return MomentLaw.of(head, task, unsettled_moments(head, task, _fewest(points)))
    if limit and head.step:
        raise HypothesisError("spikes are studied at a finite d", f"{points[0]}", "pass Sizes(…)")
    task, places = distinct_sources(task, None if limit else points[0].d)
    if limit and task.isotropic:
        return replace(_limit(head, task), places=places)
    return replace(SourcesLimit.of(head, task, points) if limit else _finite(head, task, points), places=places)


def _layered(model: RandomTransformer, task: AnyTask | GivenMoments | TaskPopulation, points: Sequence[Any]) -> FeatureLaw:
    """Several random layers, where few moments describe h."""
    if any(point.tested is not point for point in points):
        raise HypothesisError(
            "the theory of several random layers has contexts of one length",
            f"{points[0]}",
            "simulate it: hermite_eq.simulate.icl_error(model, task, sizes, runs=8), or take one layer",
        )
    if isinstance(task, TaskPopulation):
        raise HypothesisError("populations of tasks are those of the linear Transformer", f"{model}", "pass LinearTransformer(ridge=…)")
    if isinstance(task, SoftmaxAttention):
        raise HypothesisError("several random layers have a theory under linear attention", f"{task}", "simulate, or pass task.task")
    if isinstance(task, GivenMoments) or not isinstance(points[0], Sizes):
        return layered_law(model, task, points)
    first = points[0]
    task, places = distinct_sources(task, first.d)
    task.check(first.d)
    # What is linear in h reaches the features of a deep head through every layer: its shares are those of the first.
    why = _beyond_moments(Head(model.activations[0], model.ridge, model.normalise), task, first)
    if why:
        raise HypothesisError(
            "the theory of several layers knows few moments of h", why, "simulate: hermite_eq.simulate.icl_error, or take one layer"
        )
    return replace(layered_law(model, task, points), places=places)


def isotropic_law(model: TrainedModel, task: Task, where: Sizes | Ratios) -> IsotropicLaw:
    """One spectrum for all samples of one isotropic source, whatever describes them better."""
    head = Head.of(model)
    check_points([where], Ratios if isinstance(where, Ratios) else Sizes)
    return _limit(head, task) if isinstance(where, Ratios) else FiniteLaw(
        head=head, task=task, d=where.d, context=where.context, test_context=where.test_context
    )  # fmt: skip


def _limit(head: Head, task: Task) -> IsotropicLaw:
    target, notes = TargetMoments.of(task), _head_notes(head, task)
    if head.linear:
        return LinearLimit(head=head, target=target, notes=notes)
    return HeadLimit(head=head, target=target, moments=head.moments(), notes=notes)


def _fewest(points: Sequence[Sizes]) -> Sizes:
    return min(points, key=lambda point: point.samples)


def _finite(head: Head, task: Task, points: Sequence[Sizes]) -> FeatureLaw:
    if head.step:
        by_types = _typed(head, task, points)
        tending = replace(head, step=replace(head.step, step_size=0.0, rank_one=True))
        return StepLaw(head=head, task=task, typed=by_types, drawn=partial(_without_step, tending, task), notes=by_types.notes)
    if task.isotropic:
        return _isotropic(head, task, points)
    first = points[0]
    task.check(first.d)
    beyond, drawable = _beyond_moments(head, task, first), _drawable(head, task, points)
    typed: TypedLaw | None = None
    if beyond and not head.linear and first.tasks == math.inf and all(source.centred for source in task.sources):
        law = concentration(task, first.d, first.context)
        beside = law.others < max(FEW_BESIDE, FEW_OF_ALL / (first.d * (first.d + 1)))
        alone = law.largest > TYPED and (beside or not drawable)
        if (alone or not drawable) and types_of_neurons(head, task, first):
            typed = TypedLaw.of(head, task, points, NODES)
            if alone:
                return typed
    if beyond and drawable:
        return given_context_law(head, task, points)
    moments = replace(mixture_law(head, task, first), notes=moment_notes(head, task, _fewest(points)))
    return LesserLaw(head=head, laws=(moments, typed)) if typed else moments


def _typed(head: Head, task: Task, points: Sequence[Sizes]) -> FeatureLaw:
    """By types of neurons; of finitely many training tasks over draws of them, each on fewer contexts."""
    if points[0].tasks == math.inf:
        return TypedLaw.of(head, task, points, NODES)

    def given(number: int) -> TypedLaw:
        return TypedLaw.of(head, task, points, NODES_OF_A_DRAW, number)

    return LawOverDraws(head=head, given=given, controls=np.zeros((DRAWS_OF_TYPES, 0)), precise=math.inf, notes=given(0).notes)


@lru_cache(maxsize=64)
def _without_step(tending: Head, task: Task, points: tuple[Sizes, ...]) -> tuple[Solution, Columns]:
    """The errors without a step, with their notes, and those by types of a head whose step tends to 0."""
    law = _finite(replace(tending, step=None), task, points)
    columns, notes = law.solution(points)
    return (columns, (*law.notes, *notes)), _typed(tending, task, points).solution(points)[0]


def _isotropic(head: Head, task: Task, points: Sequence[Sizes]) -> FeatureLaw:
    first, fewest = points[0], _fewest(points)
    by_contexts = partial(given_context_law, head, task) if _drawable(head, task, points) else None
    law = FiniteLaw(
        head=head, task=task, d=first.d, context=first.context, test_context=first.test_context, otherwise=by_contexts
    )  # fmt: skip
    remarks = () if head.settles else unsettled(head, fewest, law.share)
    if by_contexts and (law.beyond or (law.spread > WIDEST_MOMENTS and not remarks)):
        chosen: FeatureLaw = by_contexts(points)
        return replace(chosen, notes=(*_head_notes(head, task), *chosen.notes, *remarks))
    notes = [*_head_notes(head, task)]
    if first.d < ROUGH:
        notes.append(f"d = {first.d}: the remainder, of the next order in 1/d, is several per cent")
    few = first.tasks <= FEW and first.d >= SMALLEST and (head.settles or not law.beyond)
    if few and first.d > LARGEST:
        notes.append("one spectrum describes few training tasks: the error on fresh tasks may be a tenth higher")
    if law.spread > WIDE:
        notes.append(
            f"d = {first.d}: ‖h‖² has the relative variance {law.spread:.1f}; at small ridges the error is less than predicted, by tens of "
            "per cent; normalise=True fixes ‖h‖"
        )
    chosen = given_task_law(head, task, first) if few and first.d <= LARGEST else law
    return replace(chosen, notes=(*notes, *remarks))


def _drawable(head: Head, task: Task, points: Sequence[Sizes]) -> bool:
    """Whether contexts can be drawn one by one, and the fit to them solved."""
    laws = all(isinstance(s.inputs, Gaussian) and isinstance(s.tasks, Gaussian | Sphere) for s in task.sources)
    return laws and head.ridge > 0 and max(point.samples for point in points) <= MOST_SAMPLES


def _beyond_moments(head: Head, task: Task, sizes: Sizes) -> str:
    """Why few moments do not describe h, in training or in the test; empty where they do."""
    return _beyond_moments_at(head, task, sizes) or ("" if sizes.test_context is None else _beyond_moments_at(head, task, sizes.tested))


def _beyond_moments_at(head: Head, task: Task, sizes: Sizes) -> str:
    if all(source.isotropic for source in task.sources):
        return ""
    spread = class_spread(task, sizes.d, sizes.context)
    if spread > UNLIKE:
        return f"directions of one class hold shares of E‖h‖² that differ by the factor {math.exp(spread):.1f} at d = {sizes.d}"
    if head.linear:
        held = mean_share(task, sizes.d, sizes.context)
        return f"the mean of the inputs holds {held:.0%} of E‖x‖²" if held > SMALL_MEAN else ""
    law, moments = concentration(task, sizes.d, sizes.context), head.moments()
    # What is missed are functions of h of degree 2 and more: with c_1 = 0 they are all that is learnt.
    linear, quadratic = float(moments.c1[0]) ** 2, float(moments.c2[0]) ** 2 / 2
    share = linear / (linear + quadratic) if linear or quadratic else 1.0
    if law.largest > ALONE * share:
        return f"one direction of h holds {law.largest:.0%} of E‖h‖² at d = {sizes.d}"
    many = law.others > share * max(MANY, MANY_OF_ALL / (sizes.d * (sizes.d + 1)))
    return f"E‖h‖² is spread over few directions at d = {sizes.d}" if many else ""


def moment_notes(head: Head, task: Task, sizes: Sizes) -> tuple[str, ...]:
    """What limits a theory that knows few moments of h."""
    why = _beyond_moments(head, task, sizes)
    rough = (f"{why}, of which this theory knows too little; hermite_eq.icl_error or a simulation knows more",) if why else ()
    if head.settles:
        return rough
    return (*rough, *unsettled_moments(head, mixture_moments(task, sizes.d, sizes.context), sizes))


def _head_notes(head: Head, task: Task) -> tuple[str, ...]:
    """What a random head does not pass on."""
    if head.linear:
        return ()
    moments, notes = head.moments(), list[str]()
    if not moments.c1.any():
        notes.append("c_1 = 0: the head passes nothing linear in h; what remains is the mean label and noise features")
    if not moments.c0.any() and TargetMoments.of(task).mean != 0:
        through = "c_0 = 0: the mean label is fitted in part, through degree 2"
        notes.append(through if moments.c2.any() else "c_0 = c_2 = 0: the mean label is not fitted")
    return tuple(notes)


def _simplified(covariance: Structure, d: int) -> Structure:
    """The identity, where the structure is that."""
    return Identity() if _equal(covariance, Identity(), d) else covariance


def _equal(first: Structure, second: Structure, d: int) -> bool:
    if first == second:
        return True
    left, right = first.matrix(d), second.matrix(d)
    return bool(np.abs(left - right).max() <= _ROUNDINGS * np.finfo(float).eps * np.abs(left).max())


def _same(first: Source, second: Source, d: int) -> bool:
    """Whether two sources have one law."""
    if not (_equal(first.input_cov, second.input_cov, d) and _equal(first.task_cov, second.task_cov, d)):
        return False
    means = zip(first.mean_vectors(d), second.mean_vectors(d), strict=True)
    plain = [replace(source, input_cov=Identity(), task_cov=Identity(), input_mean=0.0, task_mean=0.0) for source in (first, second)]
    return plain[0] == plain[1] and all(np.array_equal(left, right) for left, right in means)


def distinct_sources(task: Task, d: int | None = None) -> tuple[Task, tuple[int, ...]]:
    r"""The task with equal sources put together, their weights added, at dimension d (``None`` in the limit); and the place of every
    source that was given among them. It is isotropic where all data are those of one isotropic source.

    Examples
    --------
    >>> from hermite_eq.models import Spike
    >>> twice = Task(sources=[Source("relu", 0.01), Source("tanh"), Source("relu", 0.01, task_cov=Spike(0.0))], weights=[0.5, 0.25, 0.25])
    >>> print(*distinct_sources(twice, d=8))
    0.75 × (target relu, noise variance 0.01) + 0.25 × (target tanh, noise variance 0); test weights 0.666667, 0.333333 (0, 1, 0)
    >>> distinct_sources(Task(sources=[Source("relu", 0.01), Source("relu", 0.01)]))[0]
    Task(...)
    """
    dimensions = [c.dimension for source in task.sources for c in (source.input_cov, source.task_cov)]
    at = next((n for n in dimensions if n is not None), _ANY) if d is None else d
    for source in task.sources:
        source.check(at)
    sources = [
        replace(source, input_cov=_simplified(source.input_cov, at), task_cov=_simplified(source.task_cov, at)) for source in task.sources
    ]
    kept: list[Source] = []
    places = []
    for source in sources:
        place = next((i for i, other in enumerate(kept) if _same(source, other, at)), len(kept))
        kept += [source] * (place == len(kept))
        places.append(place)
    if len(kept) == len(sources) and tuple(kept) == task.sources:
        return task, tuple(places)
    weights = [np.bincount(places, values, len(kept)) for values in (task.weights, task.test_weights)]
    with warnings.catch_warnings():
        # What is to be said of the weights was said of the task.
        warnings.simplefilter("ignore")
        merged = Task(
            sources=kept, weights=(weights[0] / weights[0].sum()).tolist(), test_weights=(weights[1] / weights[1].sum()).tolist(),
            unit_inputs=task.unit_inputs, unit_link=task.unit_link,
        )  # fmt: skip
    return merged, tuple(places)
