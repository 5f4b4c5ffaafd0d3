"""Which description of the contexts holds at points of equal d, ℓ and k: the fastest whose error is below some two per cent.

Measured beside simulated Transformers by ``python -m benchmarks.checks.descriptions`` (ReLU target, n = 2d², m = d², λ = 0.1, ReLU and tanh
heads, h normalised or not, d = 16, 24, 40):

- *few moments*, one type of neuron: within 2 % where no direction holds more than a share s :data:`ALONE` of E‖h‖² and the sum of squares
  of the others' shares is below s :data:`MANY`, :math:`s=c_1^2/(c_1^2+c_2^2/2)`; beyond, up to 27 % (an input spike that holds 45 %);
- *types of neurons*, the directions that hold much: within 1.4 % where one holds more than :data:`TYPED` and the others' squares sum to
  less than :data:`FEW_BESIDE`; but 4 to 11 % for input spikes of 4 and power laws;
- *given contexts*: within its own standard error everywhere, in seconds, up to :data:`MOST_SAMPLES` samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hermite_eq.models import Gaussian, LinearTransformer, Model, RandomTransformer, Sizes, Sphere, Task
from hermite_eq.theory.feature_law.finite_size import ROUGH, effective_contexts, finite_errors, spread_of_norms, wide
from hermite_eq.theory.feature_law.given_contexts import given_context_errors
from hermite_eq.theory.feature_law.given_moments import unsettled_moments
from hermite_eq.theory.feature_law.head import Head, unsettled
from hermite_eq.theory.feature_law.limit import TargetMoments
from hermite_eq.theory.feature_law.sources.mixture import concentration, mean_share, mixture_errors, mixture_moments
from hermite_eq.theory.feature_law.training_tasks import FEW, LARGEST, given_task_errors
from hermite_eq.theory.neuron_types.features import NODES, spiked_errors, types_of_neurons

Array = NDArray[np.float64]
Columns = dict[str, Array]

#: Largest share of E‖h‖² in one direction, and largest sum of squares of the others' shares, that few moments describe for a head that is
#: linear up to degree 2; the latter by itself, and in units of 1/D, its value for isotropic h.
ALONE, MANY, MANY_OF_ALL = 0.145, 0.006, 3.7
#: Share from which a direction is a type of the neurons, and largest sums of squares beside it, likewise.
TYPED, FEW_BESIDE, FEW_OF_ALL = 0.2, 0.013, 4.0
#: Relative variance of ‖h‖² from which no law of few moments holds for a head that does not normalise h: 57 % off at 4.7.
WIDEST_MOMENTS = 3.0
#: Samples of which a fit takes seconds.
MOST_SAMPLES = 3600
#: Share of E‖x‖² in the inputs' mean up to which linear heads are within 2 %: 1.2, 3.2 and 12.8 % too high at .2, .33 and .5 (ReLU target,
#: d = 20, n = 600).
SMALL_MEAN = 0.25


def _drawable(model: Model, task: Task, points: Sequence[Sizes]) -> bool:
    """Whether contexts can be drawn one by one, and the fit to them solved."""
    laws = all(isinstance(s.inputs, Gaussian) and isinstance(s.tasks, Gaussian | Sphere) for s in task.sources)
    return laws and model.ridge > 0 and max(point.samples for point in points) <= MOST_SAMPLES


def _beyond_moments(model: Model, task: Task, sizes: Sizes) -> str:
    """Why few moments do not describe h; empty where they do."""
    if Head.of(model).linear:
        held = mean_share(task, sizes.d, sizes.context)
        return f"the mean of the inputs holds {held:.0%} of E‖x‖²" if held > SMALL_MEAN else ""
    if all(source.isotropic for source in task.sources):
        return ""
    found, moments = concentration(task, sizes.d, sizes.context), Head.of(model).moments()
    # What is missed are functions of h of degree 2 and more: with c_1 = 0 they are all that is learnt.
    linear, quadratic = float(moments.c1[0]) ** 2, float(moments.c2[0]) ** 2 / 2
    share = linear / (linear + quadratic) if linear or quadratic else 1.0
    if found.largest > ALONE * share:
        return f"one direction of h holds {found.largest:.0%} of E‖h‖² at d = {sizes.d}"
    many = found.others > share * max(MANY, MANY_OF_ALL / (sizes.d * (sizes.d + 1)))
    return f"E‖h‖² is spread over few directions at d = {sizes.d}" if many else ""


def moment_notes(model: RandomTransformer | LinearTransformer, task: Task, sizes: Sizes) -> tuple[str, ...]:
    """What limits a theory that knows few moments of h."""
    why = _beyond_moments(model, task, sizes)
    rough = (f"{why}, of which this theory knows too little; hermite_eq.icl_error or a simulation knows more",) if why else ()
    if Head.of(model).settles:
        return rough
    return (*rough, *unsettled_moments(model, mixture_moments(task, sizes.d, sizes.context), sizes))


def _head_notes(model: Model, task: Task) -> tuple[str, ...]:
    """What a random head does not pass on."""
    head, found = Head.of(model), list[str]()
    if head.linear:
        return ()
    moments = head.moments()
    if not moments.c1.any():
        found.append("c_1 = 0: the head passes nothing linear in h; what remains is the mean label and noise features")
    if not moments.c0.any() and TargetMoments.of(task).mean != 0:
        through = "c_0 = 0: the mean label is fitted in part, through degree 2"
        found.append(through if moments.c2.any() else "c_0 = c_2 = 0: the mean label is not fitted")
    return tuple(found)


def isotropic_notes(model: Model, task: Task, points: Sequence[Sizes]) -> tuple[str, ...]:
    """What limits the numbers for one isotropic source; of points in the limit, what the head does not pass on."""
    if not isinstance(points[0], Sizes):
        return _head_notes(model, task)
    first = points[0]
    found = [f"d = {first.d}: the remainder, of the next order in 1/d, is several per cent"] if first.d < ROUGH else []
    if first.tasks <= FEW and first.d > LARGEST:
        found.append("one spectrum describes few training tasks: the error on fresh tasks may be a tenth higher")
    return (*_head_notes(model, task), *found, *wide(model, task, first), *_unsettled(model, task, points))


def _unsettled(model: Model, task: Task, points: Sequence[Sizes]) -> tuple[str, ...]:
    fewest = min(points, key=lambda point: point.samples)
    return unsettled(model, fewest, effective_contexts(model, task, fewest) / fewest.samples)


def _isotropic(model: Model, task: Task, points: Sequence[Sizes]) -> tuple[Columns, tuple[str, ...]]:
    first = points[0]
    if spread_of_norms(model, task, first) > WIDEST_MOMENTS and _drawable(model, task, points) and not _unsettled(model, task, points):
        columns, said = given_context_errors(model, task, points)
        return columns, (*_head_notes(model, task), *said)
    one_by_one = first.tasks <= FEW and first.d <= LARGEST
    columns = given_task_errors(model, task, points) if one_by_one else finite_errors(model, task, points).columns
    return columns, isotropic_notes(model, task, points)


def described(model: Model, task: Task, points: Sequence[Sizes]) -> tuple[Columns, tuple[str, ...]]:
    """The columns of a theory curve at points of equal d, context and tasks, for a task of distinct sources; and its notes."""
    if task.isotropic:
        return _isotropic(model, task, points)
    first, fewest = points[0], min(points, key=lambda point: point.samples)
    task.check(first.d)
    if not _beyond_moments(model, task, first):
        return mixture_errors(model, task, points), moment_notes(model, task, fewest)
    drawable = _drawable(model, task, points)
    if isinstance(model, RandomTransformer) and first.tasks == math.inf:
        found = concentration(task, first.d, first.context)
        beside = found.others < max(FEW_BESIDE, FEW_OF_ALL / (first.d * (first.d + 1)))
        if found.largest > TYPED and (beside or not drawable) and types_of_neurons(model, task, first):
            return spiked_errors(model, task, points, nodes=NODES)
    if drawable:
        return given_context_errors(model, task, points)
    return mixture_errors(model, task, points), moment_notes(model, task, fewest)
