"""One run of all experiments, the setup by which runs are stored, and what is stored."""

from __future__ import annotations

import functools
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from hermite_eq.activations import Activation, activation
from hermite_eq.equivalence import equivalent_model
from hermite_eq.errors import StorageError
from verify.open_questions.equivalents import GIVEN, ITSELF, WRONG, Equivalent, all_features, directions
from verify.open_questions.experiments import HEADS, RIDGE, Experiment, OpenQuestions
from verify.open_questions.network import Exact, Weights, hidden, random_mlp, sample, start, train
from verify.store.run import Origin, one_blas_thread
from verify.store.store import Setup

#: Raised whenever a seed gives errors of another law than before.
TRAINING = 1
Row = dict[str, Any]
#: For each σ its rows by name.
Results = dict[str, dict[str, Row]]


def one_run(campaign: OpenQuestions, d: int, seed: int, run: int) -> Results:
    """For every σ and row the errors of σ and its equivalents, training losses, steps, and shares of the leading directions.

    With every equivalent stand its errors by degree; σ has the degree 0.
    """
    record: Results = {}
    for which, name in enumerate(campaign.heads):
        record[name] = {}
        for number, experiment in enumerate(campaign.experiments):
            draws = np.random.SeedSequence(seed, spawn_key=(d, run, which, number))
            record[name] |= dict(zip(experiment.rows, _rows(experiment, name, d, campaign.test, draws), strict=True))
    return record


def _rows(experiment: Experiment, name: str, d: int, test: int, seed: np.random.SeedSequence) -> Iterator[Row]:
    sigma, m, n, architecture, degrees = activation(name), d * d, 2 * d * d, experiment.architecture, HEADS[name]
    streams = seed.spawn(7)
    # Contexts depend on the first block's MLP, which has equivalents too; else all of them are the same.
    mlps = _mlps(sigma, degrees, d, streams[5]) if architecture.blocks > 1 else {0: None}
    counts = (n, n, test)
    data = {
        r: [sample(architecture, name, d, count, stream, mlp) for count, stream in zip(counts, _again(streams[:3]), strict=True)]
        for r, mlp in mlps.items()
    }
    data = {r: data.get(r, data[0]) for r in (0, *degrees)}
    weights, w = start(architecture, d, m, np.random.default_rng(streams[3]))
    noise = dict(zip(degrees, streams[6].spawn(len(degrees)), strict=True))
    units = {0: Exact(sigma)} | {r: Equivalent(sigma, r, n, m, architecture.layers, np.random.default_rng(noise[r])) for r in degrees}
    size = 1 / d if experiment.small else experiment.size
    trainings = {r: train(units[r], data[r][0], weights, w, size, experiment.steps, experiment.stop) for r in units}
    _, readout, tested = data[0]
    for number, reached in enumerate(zip(*trainings.values(), strict=True)):
        by_degree = dict(zip(trainings, reached, strict=True))
        kinds = [*GIVEN, ITSELF, *([] if number else [WRONG])]

        def inputs(r: int, weights: Weights) -> tuple[Any, Any]:
            return hidden(data[r][1], weights.attention), hidden(data[r][2], weights.attention)

        step, trained, _ = by_degree[0]
        exact = inputs(0, trained)
        plain = {r: exact if data[r] is data[0] else inputs(r, trained) for r in degrees}
        own = {r: by_degree[r][1] for r in degrees}
        given = {"σ": {0: exact}} | {kind: plain for kind in kinds} | {ITSELF: {r: inputs(r, own[r]) for r in degrees}}
        layers = {r: own[r].layers for r in degrees}
        features = all_features(sigma, kinds, degrees, trained.layers, layers, weights.layers, given, streams[4])
        errors = {
            kind: {f"{r}": _error(pair, readout.y, tested.y, RIDGE * n / d) for r, pair in by.items()} for kind, by in features.items()
        }
        yield {
            "errors": errors,
            "loss": {f"{r}": loss for r, (_, _, loss) in by_degree.items()},
            "steps": step,
            "shares": _shares(trained, weights),
        }


def _again(streams: Sequence[np.random.SeedSequence]) -> list[np.random.SeedSequence]:
    """The same seeds as before anything was spawned from them: common draws for every MLP."""
    return [np.random.SeedSequence(stream.entropy, spawn_key=stream.spawn_key) for stream in streams]


def _mlps(sigma: Activation, degrees: Sequence[int], d: int, seed: np.random.SeedSequence) -> dict[int, Any]:
    """The MLP of the first block with σ (degree 0), and with the plain equivalents of every degree."""
    into, out = random_mlp(d, np.random.default_rng(seed))
    noise = np.random.default_rng(seed.spawn(1)[0])

    def with_head(head: Any) -> Any:
        return lambda tokens: head(tokens @ into.T) @ out.T

    return {0: with_head(sigma)} | {r: with_head(functools.partial(equivalent_model(sigma, r), rng=noise)) for r in degrees}


def _shares(trained: Weights, weights: Weights) -> list[float]:
    """The share of ‖W_T − W_0‖² in the directions that are given, layer by layer."""
    count = GIVEN["conditional"] or 0
    return [directions(layer, first, count)[1] for layer, first in zip(trained.layers, weights.layers, strict=True)]


def _error(features: tuple[NDArray[Any], NDArray[Any]], y: NDArray[Any], tested: NDArray[Any], ridge: float) -> float:
    phi = features[0].astype(float)
    w = scipy.linalg.solve(phi.T @ phi + ridge * np.eye(phi.shape[1]), phi.T @ y, assume_a="pos")
    return float(np.mean((tested - features[1] @ w) ** 2))


# Storage.


@dataclass(frozen=True)
class QuestionsSetup(Setup):
    """The experiments at one d. The budget of memory changes nothing."""

    campaign: OpenQuestions  # type: ignore[assignment]

    @property
    def numbers(self) -> int:
        """How many numbers a run has, about: errors of every kind and degree."""
        rows = sum(len(experiment.rows) for experiment in self.campaign.experiments)
        return rows * sum((len(GIVEN) + 3) * len(HEADS[name]) for name in self.campaign.heads)

    def identity(self) -> dict[str, Any]:
        """The parameters as plain data."""
        campaign = self.campaign
        content = {
            "campaign": campaign.name,
            "d": self.d,
            "seed": self.seed,
            "memory": self.memory,
            "training": TRAINING,
            "experiments": [asdict(experiment) for experiment in campaign.experiments],
            "ridge": RIDGE,
            "test": campaign.test,
            "heads": {name: HEADS[name] for name in campaign.heads},
            "given": GIVEN,
        }
        return dict(json.loads(json.dumps(content)))

    def simulate(self, run: int) -> tuple[Any, Origin]:
        """The record of one run, and what computed it."""
        begin = time.process_time()
        with one_blas_thread():
            record = one_run(self.campaign, self.d, self.seed, run)
        return record, Origin.here(time.process_time() - begin)

    def check(self, record: Any, where: str, repair: str) -> None:
        """Raise a StorageError unless ``record`` has the rows of the experiments, and errors and losses which are no errors."""
        rows = [row for experiment in self.campaign.experiments for row in experiment.rows]
        if not isinstance(record, dict) or list(record) != list(self.campaign.heads):
            raise StorageError(f"a run has the heads {', '.join(self.campaign.heads)}", f"others in {where}", repair)
        for head, part in record.items():
            if not isinstance(part, dict) or list(part) != rows:
                raise StorageError(f"every head has the rows {'; '.join(rows)}", f"others of {head} in {where}", repair)
            for row, values in part.items():
                if not _is_row(values, HEADS[head], WRONG if row.endswith("T = 0") else None):
                    raise StorageError(
                        "a row has errors, losses, steps and shares, finite numbers ≥ 0", f"others at {head}, {row}, in {where}", repair
                    )


def _is_row(values: Any, degrees: Sequence[int], wrong: str | None) -> bool:
    expected = {f"{r}" for r in degrees}
    keys = {"σ": {"0"}} | dict.fromkeys((*GIVEN, ITSELF, *([wrong] if wrong else [])), expected)
    if not isinstance(values, dict) or values.keys() != {"errors", "loss", "steps", "shares"}:
        return False
    errors, losses, shares = (values[name] for name in ("errors", "loss", "shares"))
    if not (isinstance(errors, dict) and isinstance(losses, dict) and isinstance(shares, list) and errors.keys() == keys.keys()):
        return False
    if losses.keys() != {"0", *expected} or any(not isinstance(errors[kind], dict) or errors[kind].keys() != keys[kind] for kind in keys):
        return False
    numbers = [*losses.values(), *shares, values["steps"], *(error for kind in errors.values() for error in kind.values())]
    return all(isinstance(number, float | int) and 0 <= number < math.inf for number in numbers)


@dataclass(frozen=True)
class Stored:
    """The runs at one d, and what computed them."""

    d: int
    runs: list[Results]
    origins: list[Origin] = field(default_factory=list)


def gaps(stored: Stored, sigma: str, row: str, kind: str, degree: int) -> NDArray[np.float64]:
    r""":math:`\log(e_{\hat\sigma}/e_\sigma)` of every run."""
    errors = [run[sigma][row]["errors"] for run in stored.runs]
    return np.array([math.log(in_run[kind][f"{degree}"] / in_run["σ"]["0"]) for in_run in errors])
