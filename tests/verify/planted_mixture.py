"""Two sources without a Transformer: a formula for their errors which depends on all that a theory may get wrong, and runs scattered about
it."""

from __future__ import annotations

import numpy as np

import hermite_eq
from hermite_eq.models import OneStepTransformer, RandomTransformer, Structure, Task
from hermite_eq.models.structures import Identity
from hermite_eq.simulate import SimulatedError
from hermite_eq.theory import TheoryError
from verify.main_job import data_mixing, two_sources

#: Relative scatter of a run, common to the heads of a run but for a tenth of it.
SCATTER = 0.02
LADDER, RUNS = (12, 16, 24), 60


def _structured(covariance: Structure) -> bool:
    return covariance != Identity()


def error(task: Task, model: OneStepTransformer | RandomTransformer, d: int) -> TheoryError:
    """Larger slopes, more noise and less structure make for a larger error; a step helps on the source with spiked tasks."""
    eta = getattr(model, "step_size", 0.0) / d**2
    first, second = task.sources
    slopes = [float(hermite_eq.coefficients(source.target, 1)[1]) for source in task.sources]
    share = task.weights[1]
    spiked = _structured(second.task_cov)
    on_first = 0.1 + slopes[0] ** 2 * (1 + 0.2 * share) + first.noise + 0.05 * share * second.noise
    on_second = 0.1 + slopes[1] ** 2 * (1 - (0.3 + 0.2 * eta**2) * share * spiked) + second.noise
    by_source = (on_first * (1 + 0.1 * (not model.normalise)), on_second * (1 + 0.1 * (not model.normalise)))
    icl = float(np.dot(task.test_weights, by_source))
    return TheoryError(icl=icl, idg=icl, bias=0.0, variance=0.0, effective_ridge=1.0, dof=0.5, fixed_point_residual=0.0,
                       icl_by_source=by_source)


def measured(*, off: float = 0.0, rate: float = 0.0, ratio: float = -0.8) -> two_sources.Mixture:
    """Runs about :func:`error`, with source 1 a share ``off`` · (d/12)^rate too high, and ‖Δ‖/‖uvᵀ‖ ∝ d^ratio under a task spike."""
    errors, gradients = {}, {}
    for d in LADDER:
        common = 1 + SCATTER * np.random.default_rng(d).standard_normal((RUNS, 2))
        for index, (setting, mixing) in enumerate(two_sources.SETTINGS.items()):
            each = {}
            for number, (key, head) in enumerate(two_sources.heads(setting, d).items()):
                rng = np.random.default_rng([d, index, number])
                factor = common + 0.1 * SCATTER * rng.standard_normal((RUNS, 2))
                factor[:, 1] *= 1 + off * (d / LADDER[0]) ** rate
                runs = factor * np.array(error(mixing.task(d), head, d).icl_by_source)
                icl = runs @ np.array(mixing.task(d).test_weights)
                each[key] = SimulatedError(head, mixing.task(d), mixing.sizes(d), icl, icl, np.ones(RUNS), np.zeros(RUNS, bool),
                                           tuple((d, run) for run in range(RUNS)), runs)  # fmt: skip
            errors[setting, d] = each
        noise = 0.1 * np.random.default_rng([d, 7]).standard_normal(24)
        gradients[two_sources.SPIKED, d] = 0.4 * (d / LADDER[0]) ** ratio * (1 + noise)
        gradients[two_sources.INPUTS, d] = 0.6 * (1 + noise)
    return two_sources.Mixture(errors, gradients)


def install(monkeypatch) -> None:
    """Let the theory be :func:`error`."""
    monkeypatch.setattr(data_mixing, "_error", error)
