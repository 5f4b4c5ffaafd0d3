r"""Samples of :math:`(F^\top h,\ \xi^\top x_{\ell+1})`, of which Lemma 1 and Corollary 2 of [RT] speak."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from hermite_eq.arguments import array
from hermite_eq.arguments import count as checked_count
from hermite_eq.errors import HypothesisError
from hermite_eq.memory import require_memory
from hermite_eq.models import AnyTask, Sizes
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.simulate.laws import Contexts, Tasks
from hermite_eq.simulate.population import Array
from hermite_eq.simulate.sampler import check_task_vector, child_seeds, context_law, draws
from hermite_eq.simulate.training.features import first_layer

#: Entries of h formed at a time.
_ELEMENTS = 2**22


@dataclass(frozen=True, eq=False)
class Preactivations:
    r"""Joint samples for given F.

    Attributes
    ----------
    z : (count, units) array
        :math:`F^\top h`.
    signal : (count,) array
        :math:`\xi^\top x_{\ell+1}`.
    F : (d(d+1), units) array
        Entries N(0, 1/t), t = tr Cov(h) over fresh tasks.
    contexts : Contexts
        What they were computed from: ``contexts.h()`` are the samples of h, ``contexts.xi`` the tasks.
    trace : float
        t.
    """

    z: Array = field(repr=False)
    signal: Array = field(repr=False)
    F: Array = field(repr=False)
    contexts: Contexts = field(repr=False)
    trace: float


def preactivations(
    task: AnyTask,
    sizes: Sizes,
    *,
    units: int,
    count: int,
    rng: int | np.random.SeedSequence | np.random.Generator | None = None,
    xi: ArrayLike | None = None,
    F: ArrayLike | None = None,
) -> Preactivations:
    r"""Draw samples of :math:`(F^\top h,\ \xi^\top x_{\ell+1})` for a few hidden units, in double precision.

    Parameters
    ----------
    task : Task
    sizes : Sizes
        Only ``d`` and ``context`` are used.
    units : int
        Number of hidden units.
    count : int
        Number of samples, each with a context of its own.
    rng : int, SeedSequence, Generator or None
        As :func:`numpy.random.default_rng` takes it.
    xi : (d,) array, optional
        The task of all samples, as in Corollary 2 (which conditions on it); without it every sample has a fresh task,
        as in Lemma 1.
    F : (d(d+1), units) array, optional
        The first layer; drawn with entries N(0, 1/t) if not given.

    Returns
    -------
    Preactivations

    Raises
    ------
    HypothesisError
        For a ξ or F of the wrong shape, or a count which is not positive.

    References
    ----------
    [RT] Lemma 1, Corollary 2.

    Examples
    --------
    >>> import numpy as np
    >>> from hermite_eq import Sizes, Task
    >>> drawn = preactivations(Task("relu"), Sizes(d=20, context=20, tasks=1, samples=1), units=3, count=1000, rng=0)
    >>> drawn.z.shape, drawn.F.shape
    ((1000, 3), (420, 3))
    >>> np.allclose(drawn.z, drawn.contexts.h() @ drawn.F)
    True
    """
    law = context_law(task, checked_sizes(sizes))
    units, count = checked_count(units, "units", least=1), draws(count, "count", law)
    width = sizes.d * (sizes.d + 1)
    require_memory(8 * (width * units + count * units + _ELEMENTS), "F and the pre-activations", "pass fewer units, or a smaller count")
    trace = law.trace()
    layer_seed, task_seed, context_seed = child_seeds(rng, range(1))[0].spawn(3)
    if F is None:
        layer = first_layer(layer_seed, sizes.d, units, trace, np.float64).T.astype(float)
    else:
        layer = array(F, "F")
        if layer.shape != (width, units):
            raise HypothesisError(
                f"F has shape (d(d+1), units) = ({width}, {units})",
                f"shape {layer.shape}",
                "transpose or redraw F",
            )
    if xi is None:
        tasks, which = law.tasks(count, np.random.default_rng(task_seed)), np.arange(count)
    else:
        tasks = Tasks(check_task_vector(xi, sizes.d)[None], np.zeros(1, np.intp))
        which = np.zeros(count, np.intp)
    drawn = law.draw(tasks, which, context_seed)
    z = np.empty((count, units))
    block = max(1, _ELEMENTS // width)
    for start in range(0, count, block):
        rows = slice(start, start + block)
        z[rows] = drawn.h(rows) @ layer
    signal = np.einsum("ij,ij->i", drawn.xi[which], drawn.x)
    return Preactivations(z, signal, layer, drawn, trace)
