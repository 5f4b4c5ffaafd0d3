"""What is measured and predicted, run by run: a run of the words is a split into training and held-out words, with draws of its own."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from examples.real_data.data import digits, languages, shuffled, words
from examples.real_data.populations import Links, Population, RealTask, Signs, Twin, given, norm_variance
from hermite_eq import HypothesisWarning, Sizes, equivalent_model, icl_curve, icl_error, simulate
from hermite_eq.models import LinearTransformer, OneStepTransformer, RandomTransformer, Source, Task

#: Shares of the first language in training.
SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)
#: Ridges among which the best one is looked for, by theory.
RIDGES = tuple(float(2.0**k) for k in range(-1, 9))


@dataclass(frozen=True)
class Setup:
    """Sizes of both experiments: ℓ = d, n = τd², m = d². The head of a step has η = d²/2.

    Attributes
    ----------
    d : int
    ridge : float
        λ of all models, but where each has its best one.
    tau : float
        Of the words; ``taus`` are those of the digits.
    target, noise
        σ* and ρ of the digits' labels.
    test, queries : int
        Test contexts of each run, and queries in each.
    """

    d: int = 24
    ridge: float = 2.0
    tau: float = 2.0
    taus: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    target: str = "relu"
    noise: float = 0.01
    test: int = 2000
    queries: int = 8

    def sizes(self, tau: float) -> Sizes:
        return Sizes(self.d, self.d, math.inf, round(tau * self.d**2), self.d**2)


#: Degrees of the equivalents of each head.
DEGREES = {"relu": (1, 2, 4), "tanh": (1, 3)}


def models(ridge: float) -> dict[str, Any]:
    """A linear Transformer, the heads and their equivalents."""
    equivalents = {f"{name}, r = {r}": equivalent_model(name, r) for name, degrees in DEGREES.items() for r in degrees}
    heads = {"relu": "relu", "tanh": "tanh"} | equivalents
    return {"linear": LinearTransformer(ridge, intercept=True)} | {name: RandomTransformer(head, ridge) for name, head in heads.items()}


#: Models whose theories are compared.
PLAIN = ("linear", "relu", "tanh")


def _measured(named: Mapping[str, Any], task: Any, sizes: Sizes, setup: Setup, seed: tuple[int, ...]) -> dict[str, list[float]]:
    """The error of each model on each source, in one run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        result = simulate.icl_error(
            list(named.values()), task, sizes, runs=1, rng=np.random.SeedSequence(seed), test=setup.test, queries=setup.queries
        )
    return {name: error.icl_by_source.mean.tolist() for name, error in zip(named, result, strict=True)}


def _predicted(named: Mapping[str, Any], law: Any, sizes: Sizes) -> dict[str, list[float]]:
    return {name: list(icl_error(model, law, sizes).icl_by_source) for name, model in named.items()}


def _only(named: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: named[name] for name in names}


def words_run(setup: Setup, run: int, best: Mapping[str, float]) -> dict[str, Any]:
    """One split: for each share of the first language the errors on both languages, measured and predicted.

    ``measured`` and ``theory`` are of the words; ``measured twin`` and ``theory twin`` of Gaussian inputs with their moments. At a share of
    ½ ``best`` is measured with the models' own ridges, and ``shuffled`` is the theory, wrong on purpose, of labels that were permuted.
    """
    named, sizes, results = models(setup.ridge), setup.sizes(setup.tau), dict[str, Any]()
    training, held_out = words(setup.d, run)
    step = {"relu, one step": OneStepTransformer("relu", setup.d**2 / 2, setup.ridge)}
    for share in SHARES:
        task = RealTask(training, held_out, Signs(), (share, 1 - share))
        twin = replace(task, training=tuple(map(Twin, training)), test=tuple(map(Twin, held_out)))
        parts = {
            "measured": _measured(named | step, task, sizes, setup, (run,)),
            "measured twin": _measured(_only(named, PLAIN), twin, sizes, setup, (run, 1)),
            "theory": _predicted(_only(named, PLAIN), given(task, setup.d), sizes),
            "theory twin": _predicted(_only(named, PLAIN), given(twin, setup.d), sizes),
        }
        for part, errors in parts.items():
            results.setdefault(part, []).append(errors)
    own = {name: replace(named[name], ridge=best[name]) for name in PLAIN}
    task = RealTask(training, held_out, Signs(), (0.5, 0.5))
    shuffled_training, shuffled_test = (tuple(shuffled(p, run) for p in group) for group in (training, held_out))
    mixed = RealTask(shuffled_training, shuffled_test, Signs(), task.weights)
    return results | {
        "best": _measured(own, task, sizes, setup, (run,)), "shuffled": _predicted(_only(named, PLAIN), given(mixed, setup.d), sizes),
    }  # fmt: skip


def best_ridges(setup: Setup) -> dict[str, float]:
    """Of the models in :data:`PLAIN`, by theory for one half of each language and contexts of the training words."""
    training, _ = words(setup.d, 0)
    law, sizes = given(RealTask(training, training, Signs(), (0.5, 0.5)), setup.d), setup.sizes(setup.tau)
    return {
        name: min(RIDGES, key=lambda ridge: icl_error(replace(model, ridge=ridge), law, sizes).icl)
        for name, model in _only(models(setup.ridge), PLAIN).items()
    }


def _digits_task(setup: Setup) -> tuple[Population, RealTask]:
    images = digits(setup.d)
    return images, RealTask((images,), (images,), Links(setup.d, setup.target, setup.noise), (1.0,))


def _gaussian(setup: Setup, covariance: Any) -> Task:
    """The same labels on Gaussian inputs."""
    return Task(sources=[Source(setup.target, setup.noise, input_cov=covariance)], unit_inputs=True)


def digits_run(setup: Setup, run: int) -> dict[str, Any]:
    """One draw for each n: errors on the digits, and on Gaussian inputs of their covariance."""
    images, task = _digits_task(setup)
    named, results = models(setup.ridge), dict[str, Any]()
    twin = _gaussian(setup, images.x.T @ images.x / len(images.x))
    for tau in setup.taus:
        results.setdefault("measured", []).append(_measured(named, task, setup.sizes(tau), setup, (run,)))
        results.setdefault("measured twin", []).append(_measured(_only(named, PLAIN), twin, setup.sizes(tau), setup, (run, 1)))
    return results


def digits_theory(setup: Setup) -> dict[str, Any]:
    """Theories at each n: of the given moments, of Gaussian inputs by their covariance alone, and two that are wrong on purpose."""
    images, task = _digits_task(setup)
    laws: dict[str, Any] = {
        "theory": given(task, setup.d), "theory twin": _gaussian(setup, images.x.T @ images.x / len(images.x)),
        "half contexts": given(task, setup.d // 2), "isotropic": _gaussian(setup, np.ones(setup.d)),
    }  # fmt: skip
    named, points = _only(models(setup.ridge), PLAIN), [setup.sizes(tau) for tau in setup.taus]
    errors = {}
    for part, law in laws.items():
        curves = icl_curve(list(named.values()), law, points)
        errors[part] = [{name: [float(curve.icl[i])] for name, curve in zip(named, curves, strict=True)} for i in range(len(points))]
    return errors


def norm_variances(setup: Setup) -> dict[str, list[float]]:
    """The relative variance of ‖h‖² of each language in the first split and of the digits, and that of Gaussian inputs in their place."""
    training, _ = words(setup.d, 0)
    images, task = _digits_task(setup)
    sources = {name: (source, Signs()) for name, source in zip(languages(), training, strict=True)} | {"digits": (images, task.labels)}
    return {name: [norm_variance(law, labels, setup.d) for law in (source, Twin(source))] for name, (source, labels) in sources.items()}
