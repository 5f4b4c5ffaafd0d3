"""ICL and in-distribution errors of trained Transformers at finite d."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack, overload

from hermite_eq.arguments import sequence
from hermite_eq.curve import AXES, Along, Setting, settings_along
from hermite_eq.errors import HypothesisError
from hermite_eq.models import AnyTask, Sizes, TrainedModel
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.simulate.options import Keywords, SimulationOptions
from hermite_eq.simulate.results import SimulatedCurve, SimulatedError
from hermite_eq.simulate.simulation import simulate_curves


class CurveKeywords(Keywords, Along, total=False):
    """What varies along a simulated curve, and :class:`SimulationOptions`."""


@overload
def icl_error(models: TrainedModel, task: AnyTask, sizes: Sizes, **options: Unpack[Keywords]) -> SimulatedError: ...
@overload
def icl_error(models: Sequence[TrainedModel], task: AnyTask, sizes: Sizes, **options: Unpack[Keywords]) -> tuple[SimulatedError, ...]: ...
def icl_error(
    models: TrainedModel | Sequence[TrainedModel], task: AnyTask, sizes: Sizes, **options: Unpack[Keywords]
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
    task : Task or SoftmaxAttention
    sizes : Sizes
    runs, rng, test, memory, precision, queries, device
        As for :class:`hermite_eq.simulate.SimulationOptions`.

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
    settings = [[Setting(model, task, checked_sizes(sizes))] for model in _models(models)]
    errors = tuple(curve.points[0] for curve in simulate_curves(settings, None, SimulationOptions(**options)))
    return errors[0] if isinstance(models, TrainedModel) else errors


def _models(models: Any) -> tuple[Any, ...]:
    if isinstance(models, TrainedModel):
        return (models,)
    requirement = "a model is a LinearTransformer, a RandomTransformer or a OneStepTransformer"
    heads = sequence(models, "models", requirement=requirement, repair="pass RandomTransformer(activation, ridge=…)")
    if not heads:
        raise HypothesisError("there is a model to simulate", "an empty sequence", "pass LinearTransformer(ridge=1e-3), say")
    return heads


@overload
def icl_curve(
    models: TrainedModel, task: AnyTask, points: Sizes | Sequence[Sizes], **keywords: Unpack[CurveKeywords]
) -> SimulatedCurve: ...
@overload
def icl_curve(
    models: Sequence[TrainedModel], task: AnyTask, points: Sizes | Sequence[Sizes], **keywords: Unpack[CurveKeywords]
) -> tuple[SimulatedCurve, ...]: ...
def icl_curve(
    models: TrainedModel | Sequence[TrainedModel], task: AnyTask, points: Sizes | Sequence[Sizes], **keywords: Unpack[CurveKeywords]
) -> SimulatedCurve | tuple[SimulatedCurve, ...]:
    r"""A curve of :func:`icl_error` along any of the sizes, ratios, ridge, noise or weights of the sources.

    Points that differ in the number of samples n alone, or in that of hidden units m, are nested: every such point of a run is on one
    common draw, and is what :func:`icl_error` gives there with the same ``rng``, ``runs`` and ``test``, up to rounding (for equivalent
    activations along ``hidden``: with another draw of z). Models, and so all values of a ridge, share their features. Points of other
    tasks or sizes are draws of their own, from the same seeds.

    Parameters
    ----------
    models, task
        As for :func:`icl_error`.
    points : Sizes, or sequence of Sizes
    **keywords
        Those of :class:`hermite_eq.simulate.SimulationOptions`; and, from one point, what varies and its values, as for
        :func:`hermite_eq.icl_curve`.

    Returns
    -------
    SimulatedCurve, or a tuple of them where ``models`` is a sequence

    Raises
    ------
    HypothesisError
        As :func:`icl_error`; if nothing or too much varies; if a value is no size.
    Interrupted
        On Ctrl-C after the first run; its ``finished`` are the curves of the finished runs.

    Examples
    --------
    >>> from hermite_eq import LinearTransformer, Sizes, Task
    >>> curve = icl_curve(LinearTransformer(ridge=1e-3), Task("identity", noise=0.01), Sizes(8, 8, 4, 64),
    ...                   samples=[32, 64, 128], runs=3, rng=1)
    >>> curve.values, curve.icl_runs.shape
    ((32, 64, 128), (3, 3))
    """
    along = {name: value for name, value in keywords.items() if name in AXES}
    options = SimulationOptions(**{name: value for name, value in keywords.items() if name not in AXES})  # type: ignore[arg-type]
    along_axis = [settings_along(model, task, points, along) for model in _models(models)]
    curves = simulate_curves([settings for _, settings in along_axis], along_axis[0][0], options)
    return curves[0] if isinstance(models, TrainedModel) else curves
