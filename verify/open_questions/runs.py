"""What is trained in each row, one run of all rows, and where runs are stored.

Runs are lines of ``results/campaigns/open-questions``, a file for each d, as those of campaigns are: each with its origin and a checksum.
"""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from rich.console import Console

from hermite_eq.activations import Activation, activation
from hermite_eq.equivalence import equivalent_model
from verify.open_questions.equivalents import GIVEN, WRONG, all_features, directions
from verify.open_questions.network import Architecture, Stop, Weights, hidden, random_mlp, sample, start, train
from verify.store.lines import digest, pack, read_lines, write_header, write_line
from verify.store.run import Origin, one_blas_thread

NAME, SEED = "open-questions", 2026_11_30
#: σ, which is the target too, and the degrees of its equivalents.
HEADS: dict[str, tuple[int, ...]] = {"relu": (1, 2), "tanh": (1, 3)}
RIDGE, TEST = 0.1, 1200
#: A step over mD. The loss diverges at about ten times that.
SIZE = 0.3
DIMENSIONS, RUNS = (8, 12, 16), 20
Errors = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Experiment:
    """A training, at some of whose steps σ is replaced.

    A step is ``size`` times mD, by default :data:`SIZE`; a ``small`` one mD/d, of order d² in the units of [RT].
    """

    name: str
    architecture: Architecture
    steps: tuple[int, ...]
    stop: Stop | None = None
    small: bool = False
    size: float | None = None


EXPERIMENTS = (
    Experiment("first layer", Architecture(), (0, 1, 2, 5, 20, 100), Stop()),
    Experiment("first layer, a small step", Architecture(), (0, 1), small=True),
    Experiment("softmax attention", Architecture(sharpness=1.0), (0, 20)),
    Experiment("two layers", Architecture(layers=2), (0, 20)),
    Experiment("first layer and attention", Architecture(attention=True), (0, 20)),
    Experiment("two blocks", Architecture(blocks=2), (0, 20)),
)
#: Stored by themselves.
LARGE = (
    Experiment("first layer, a large step", Architecture(), (0, 1), size=3.0),
    Experiment("first layer, a huge step", Architecture(), (0, 1), size=10.0),
)
ALL = (*EXPERIMENTS, *LARGE)


def label(experiment: Experiment, step: int | str) -> str:
    """The name of a row."""
    return f"{experiment.name}, T = {step}" if isinstance(step, int) else f"{experiment.name}, converged"


def one_run(d: int, run: int, *, test: int = TEST, experiments: Sequence[Experiment] = EXPERIMENTS, first: int = 0,
            sigmas: Sequence[str] = tuple(HEADS)) -> dict[str, Errors]:
    """For every σ and row the errors of σ and its equivalents, the training loss, steps, and shares of the leading directions.

    Draws depend on the number of an experiment, counted from ``first``.
    """
    found: dict[str, Errors] = {}
    for which, name in enumerate(sigmas):
        rows: Errors = {}
        for number, experiment in enumerate(experiments, first):
            seed = np.random.SeedSequence(SEED, spawn_key=(d, run, which, number))
            rows |= {label(experiment, step): row for step, row in _rows(experiment, name, d, test, seed)}
        found[name] = rows
    return found


def _rows(experiment: Experiment, name: str, d: int, test: int, seed: np.random.SeedSequence) -> Iterator[tuple[int | str, dict[str, Any]]]:
    sigma, m, n, architecture = activation(name), d * d, 2 * d * d, experiment.architecture
    streams = seed.spawn(6)
    mlps: dict[str, Any] = {"": None}
    if architecture.blocks > 1:
        mlps = _mlps(sigma, HEADS[name], d, streams[5])
    counts = (n, n, test)
    data = {key: [sample(architecture, name, d, count, stream, mlp) for count, stream in zip(counts, _again(streams[:3]), strict=True)]
            for key, mlp in mlps.items()}
    training, readout, tested = data["" if "" in data else "σ"]
    weights, w = start(architecture, d, m, np.random.default_rng(streams[3]))
    size = 1 / d if experiment.small else experiment.size or SIZE
    for step, trained, loss, steps in train(sigma, training, weights, w, size, experiment.steps, experiment.stop):
        kinds = [*GIVEN, *([WRONG] if step == 0 else [])]
        inputs = {key: (hidden(pair[1], trained.attention), hidden(pair[2], trained.attention)) for key, pair in data.items()}
        given = {"σ": {0: inputs["" if "" in inputs else "σ"]}}
        for kind in kinds:
            given[kind] = {r: inputs["" if "" in inputs else f"{r}"] for r in HEADS[name]}
        features = all_features(sigma, kinds, HEADS[name], trained.layers, weights.layers, given, streams[4])
        errors = {kind: {f"{r}": _error(pair, readout.y, tested.y, RIDGE * n / d) for r, pair in degrees.items()}
                  for kind, degrees in features.items()}
        yield step, {"errors": errors, "loss": loss, "steps": steps, "shares": _shares(trained, weights)}


def _again(streams: Sequence[np.random.SeedSequence]) -> list[np.random.SeedSequence]:
    """The same seeds as before anything was spawned from them: common draws for every MLP."""
    return [np.random.SeedSequence(stream.entropy, spawn_key=stream.spawn_key) for stream in streams]


def _mlps(sigma: Activation, degrees: Sequence[int], d: int, seed: np.random.SeedSequence) -> dict[str, Any]:
    """The MLP of the first block with σ, and with the plain equivalents of every degree."""
    into, out = random_mlp(d, np.random.default_rng(seed))
    noise = np.random.default_rng(seed.spawn(1)[0])

    def with_head(head: Any) -> Any:
        return lambda tokens: head(tokens @ into.T) @ out.T

    return {"σ": with_head(sigma)} | {f"{r}": with_head(functools.partial(equivalent_model(sigma, r), rng=noise)) for r in degrees}


def _shares(trained: Weights, weights: Weights) -> list[float]:
    """The share of ‖W_T − W_0‖² in the directions that are given, layer by layer."""
    count = GIVEN["conditional"] or 0
    return [directions(layer, first, count)[1] for layer, first in zip(trained.layers, weights.layers, strict=True)]


def _error(features: tuple[NDArray[Any], NDArray[Any]], y: NDArray[Any], tested: NDArray[Any], ridge: float) -> float:
    phi = features[0].astype(float)
    w = scipy.linalg.solve(phi.T @ phi + ridge * np.eye(phi.shape[1]), phi.T @ y, assume_a="pos")
    return float(np.mean((tested - features[1] @ w) ** 2))


# Storage.


def parameters(d: int, experiments: Sequence[Experiment] = EXPERIMENTS) -> dict[str, Any]:
    """What the numbers of a run depend on."""
    plain = [{name: value for name, value in asdict(each).items() if (name, value) != ("size", None)} for each in experiments]
    return {"d": d, "seed": SEED, "memory": 0, "experiments": plain, "size": SIZE, "ridge": RIDGE, "test": TEST,
            "sigmas": {name: list(degrees) for name, degrees in HEADS.items()}, "given": GIVEN}


def folders(root: Path, d: int) -> list[tuple[Sequence[Experiment], int, Path]]:
    """What is stored together, the number of its first experiment, and where its runs are, in the folder of all campaigns."""
    return [(group, ALL.index(group[0]), root / NAME / digest(parameters(d, group))) for group in (EXPERIMENTS, LARGE)]


def compute(root: Path, sizes: Sequence[int], runs: int, console: Console) -> None:
    """Compute and store what is missing, one run of every d after another."""
    todo = [(d, *each) for d in sizes for each in folders(root, d)]
    for d, group, _, folder in todo:
        write_header(folder, parameters(d, group), runs)
    for run, (d, group, first, folder) in itertools.product(range(runs), todo):
        if run in read_lines(folder):
            continue
        begin = time.process_time()
        with one_blas_thread():
            results = one_run(d, run, experiments=group, first=first)
        seconds = time.process_time() - begin
        write_line(folder, run, {"results": results, "origin": asdict(Origin.here(seconds))})
        console.print(f"d = {d}, run {run}, {len(group)} experiments: {seconds:.1f} s")
    for *_, folder in todo:
        pack(folder)


@dataclass(frozen=True)
class Stored:
    """The runs at one d."""

    d: int
    runs: list[dict[str, Errors]]
    origins: list[Origin]


def load(root: Path, sizes: Sequence[int] = DIMENSIONS) -> list[Stored]:
    """The runs of which everything is stored, by d."""
    found = []
    for d in sizes:
        stored = [read_lines(folder) for *_, folder in folders(root, d)]
        whole = sorted(set.intersection(*(set(lines) for lines in stored)))
        if whole:
            origins = [Origin.read(line.contents["origin"], line.where, line.repair) for lines in stored for line in lines.values()]
            runs = [{sigma: {row: values for lines in stored for row, values in lines[run].contents["results"][sigma].items()}
                     for sigma in HEADS} for run in whole]
            found.append(Stored(d, runs, origins))
    return found


def gaps(stored: Stored, sigma: str, row: str, kind: str, degree: int) -> NDArray[np.float64]:
    r""":math:`\log(e_{\hat\sigma}/e_\sigma)` of every run."""
    errors = [run[sigma][row]["errors"] for run in stored.runs]
    return np.array([math.log(each[kind][f"{degree}"] / each["σ"]["0"]) for each in errors])
