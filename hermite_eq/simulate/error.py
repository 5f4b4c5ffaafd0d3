"""ICL and in-distribution errors of trained Transformers at finite d."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

from hermite_eq.errors import HypothesisError
from hermite_eq.models import AnyTask, Sizes, TrainedModel
from hermite_eq.simulate.results import SimulatedCurve, SimulatedError
from hermite_eq.simulate.run import Axis
from hermite_eq.simulate.simulation import Seed, simulate_curves


@overload
def icl_error(
    models: TrainedModel,
    task: AnyTask,
    sizes: Sizes,
    *,
    runs: int | range,
    rng: Seed = None,
    test: int | None = None,
    memory: str | float = "4GB",
    precision: Literal["single", "double"] = "single",
    queries: int = 1,
) -> SimulatedError: ...
@overload
def icl_error(
    models: Sequence[TrainedModel],
    task: AnyTask,
    sizes: Sizes,
    *,
    runs: int | range,
    rng: Seed = None,
    test: int | None = None,
    memory: str | float = "4GB",
    precision: Literal["single", "double"] = "single",
    queries: int = 1,
) -> tuple[SimulatedError, ...]: ...
def icl_error(
    models: TrainedModel | Sequence[TrainedModel],
    task: AnyTask,
    sizes: Sizes,
    *,
    runs: int | range,
    rng: Seed = None,
    test: int | None = None,
    memory: str | float = "4GB",
    precision: Literal["single", "double"] = "single",
    queries: int = 1,
) -> SimulatedError | tuple[SimulatedError, ...]:
    r"""Train on n contexts, test on fresh ones: the ICL and in-distribution errors at finite d, run by run.

    Each run draws k training tasks, n training contexts (each with one of the k tasks, uniformly and
    independently; a task of its own where ``sizes.tasks`` is infinite), one first layer F, trains every model
    by its ridge regression, and measures

    .. math:: e_{\mathrm{ICL}}=\mathbb E_{\xi\sim\mathcal N(0,I_d)}\mathbb E\bigl[(y_{\ell+1}-\hat y)^2\mid\xi\bigr],\qquad
        e_{\mathrm{IDG}}=\frac1k\sum_{j\le k}\mathbb E\bigl[(y_{\ell+1}-\hat y)^2\mid\xi_j\bigr].

    For the linear Transformer these expectations are computed, given its weights: over contexts in closed form and by quadrature, over
    fresh tasks by quadrature where inputs and tasks are centred and isotropic, else over fixed nets of tasks, whose error
    (:mod:`hermite_eq.simulate.laws.averages`) is common to all runs and in no standard error. For random heads they are
    means over ``test`` fresh contexts each, so that the scatter of the runs, from which the standard error
    comes, includes the test noise. (With tasks which are neither Gaussian nor on the sphere, inputs which are not Gaussian, or softmax
    attention, the linear Transformer is tested on contexts too.)

    With several sources a training task has source s with probability ``task.weights[s]``, and

    .. math:: e_{\mathrm{ICL}}=\sum_s\pi^{\mathrm{test}}_s\,e_{\mathrm{ICL},s},

    the errors on the fresh tasks of each source weighted by ``task.test_weights``. The test contexts are shared equally among the
    sources; ``icl_by_source`` of the result has the :math:`e_{\mathrm{ICL},s}`.

    Parameters
    ----------
    models : LinearTransformer, RandomTransformer, OneStepTransformer or a sequence of them
        A sequence is trained and tested on common draws: tasks, contexts, F, and the noise z of equivalent
        activations.
    task : Task, MixtureTask or SoftmaxAttention
    sizes : Sizes
    runs : int or range
        How many independent runs, or which ones: run i is the same whatever the others.
    rng : int, SeedSequence, Generator or None
        As :func:`numpy.random.default_rng` takes it. An integer gives the same runs each time; a SeedSequence or Generator is spawned
        from, and gives new ones.
    test : int, optional
        Test contexts for each of the two errors of a random head; by default 2d² and at least 2000, with which
        the scatter of the runs is within some percent of what it is for infinitely many.
    memory : str or float
        Budget for the arrays of a run, as ``"4GB"`` or in bytes.
    precision : {"single", "double"}
        Precision of the features of random heads. Sums of their products, and solutions, are in double
        precision always.
    queries : int
        Labels predicted from each test context, for queries x that are drawn independently and share its examples: q of them cost
        little more than one at large d, as :math:`F^\top(x\otimes b)` is a contraction with b, common to all, and one with x. The
        mean is the same; its scatter falls less than with q times the contexts, as errors that share b are correlated.

    Returns
    -------
    SimulatedError, or a tuple of them where ``models`` is a sequence

    Raises
    ------
    HypothesisError
        For an unknown model, a random head without ``sizes.hidden``, labels without a fourth moment, features
        which are not finite, a budget of memory which is too small, or several queries under softmax attention, whose b depends on
        the query.

    References
    ----------
    [RT] (1)-(8); in-distribution error: [LA].

    Examples
    --------
    >>> from hermite_eq import LinearTransformer, RandomTransformer, Sizes, Task
    >>> sizes = Sizes.from_ratios(8, alpha=1, kappa=0.5, tau=3, mu=1)
    >>> relu, linear = icl_error(
    ...     [RandomTransformer("relu", ridge=0.1), LinearTransformer(ridge=0.1)],
    ...     Task("relu", noise=0.01), sizes, runs=4, rng=0)
    >>> relu.minus(linear).icl.mean < 0
    True
    """
    one = isinstance(models, TrainedModel)
    curves = simulate_curves(models, task, sizes, "samples", None, runs, rng, test, memory, precision, queries)
    errors = tuple(curve.points[0] for curve in curves)
    return errors[0] if one else errors


@overload
def icl_curve(
    models: TrainedModel,
    task: AnyTask,
    sizes: Sizes,
    *,
    samples: Sequence[int] | None = None,
    hidden: Sequence[int] | None = None,
    runs: int | range,
    rng: Seed = None,
    test: int | None = None,
    memory: str | float = "4GB",
    precision: Literal["single", "double"] = "single",
    queries: int = 1,
) -> SimulatedCurve: ...
@overload
def icl_curve(
    models: Sequence[TrainedModel],
    task: AnyTask,
    sizes: Sizes,
    *,
    samples: Sequence[int] | None = None,
    hidden: Sequence[int] | None = None,
    runs: int | range,
    rng: Seed = None,
    test: int | None = None,
    memory: str | float = "4GB",
    precision: Literal["single", "double"] = "single",
    queries: int = 1,
) -> tuple[SimulatedCurve, ...]: ...
def icl_curve(
    models: TrainedModel | Sequence[TrainedModel],
    task: AnyTask,
    sizes: Sizes,
    *,
    samples: Sequence[int] | None = None,
    hidden: Sequence[int] | None = None,
    runs: int | range,
    rng: Seed = None,
    test: int | None = None,
    memory: str | float = "4GB",
    precision: Literal["single", "double"] = "single",
    queries: int = 1,
) -> SimulatedCurve | tuple[SimulatedCurve, ...]:
    r"""A curve of :func:`icl_error` in the number of samples n or of hidden units m, every point of a run on
    one common draw.

    Samples and hidden units are nested: the point at n (or m) is what :func:`icl_error` gives there with the
    same ``rng``, ``runs`` and ``test``, up to rounding (for equivalent activations along ``hidden``: with
    another draw of z).

    Parameters
    ----------
    models, task, runs, rng, test, memory, precision, queries
        As for :func:`icl_error`. A curve in λ is a sequence of models with different ridges: they share their
        features.
    sizes : Sizes
        Its ``samples`` (or ``hidden``) is replaced by the values asked for.
    samples, hidden : sequence of int
        Exactly one of the two.

    Returns
    -------
    SimulatedCurve, or a tuple of them where ``models`` is a sequence

    Raises
    ------
    HypothesisError
        As :func:`icl_error`; if not exactly one of ``samples`` and ``hidden`` is given; if a value is no
        size.

    Examples
    --------
    >>> from hermite_eq import LinearTransformer, Sizes, Task
    >>> curve = icl_curve(LinearTransformer(ridge=1e-3), Task("identity", noise=0.01), Sizes(8, 8, 4, 64),
    ...                   samples=[32, 64, 128], runs=3, rng=1)
    >>> curve.values, curve.icl_runs.shape
    ((32, 64, 128), (3, 3))
    """
    if (samples is None) == (hidden is None):
        raise HypothesisError(
            "a curve is along samples or along hidden units",
            "both" if samples is not None else "neither",
            "pass either samples=[…] or hidden=[…]",
        )
    one = isinstance(models, TrainedModel)
    axis: Axis = "samples" if hidden is None else "hidden"
    values = samples if hidden is None else hidden
    curves = simulate_curves(models, task, sizes, axis, values, runs, rng, test, memory, precision, queries)
    return curves[0] if one else curves
