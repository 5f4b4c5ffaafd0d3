"""In-context errors where a few directions hold a finite share of the pre-activations: after a gradient step, or under a spike."""

from __future__ import annotations

from hermite_eq.arguments import count, instance, shown
from hermite_eq.errors import ArgumentTypeError
from hermite_eq.models import OneStepTransformer, RandomTransformer, Sizes, Task
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import solve
from hermite_eq.theory.neuron_types.features import NODES, TypedLaw
from hermite_eq.theory.prediction import TheoryError

#: Contexts of one average; 2^20 take minutes.
_MOST_NODES = 2**20


def spiked_icl_error(
    model: OneStepTransformer | RandomTransformer, task: Task, sizes: Sizes, *, nodes: int = NODES
) -> TheoryError:
    r"""The error of a head, context by context: conditionally on the overlap with the gradient, the signals' coordinates and ‖h‖.

    :func:`hermite_eq.icl_error` gives the same for a :class:`OneStepTransformer`, and for a :class:`RandomTransformer` under a mixture in
    which one direction of h holds more than 2 % of E‖h‖²: large directions are types of the neurons here, where the theory of several
    sources lets them reach the features linearly.

    Parameters
    ----------
    model : OneStepTransformer or RandomTransformer
        With ridge > 0.
    task : Task
        Gaussian inputs of mean zero, tasks Gaussian or on the sphere, input covariances that commute.
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
    ``derivations/spiked_features.py`` (the deterministic equivalent), ``docs/spiked.md`` (what is derived, measured and open); the
    setting is that of [DM] §3-4.

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
    return TheoryError(**{name: float(column[0]) for name, column in columns.items()}, notes=notes, icl_by_source=by_source)
