"""The two data sets: words of two languages with their sentiment, stored here, and the handwritten digits that scikit-learn ships."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from examples.real_data.embed import FILE
from examples.real_data.populations import Array, Population


@functools.cache
def _stored() -> Mapping[str, Any]:
    with np.load(FILE, allow_pickle=False) as file:
        return dict(file)


def languages() -> list[str]:
    """In the order of the sources."""
    return [str(name) for name in _stored()["languages"]]


def origin() -> dict[str, Any]:
    """What the words are, and by which versions of which packages they were made."""
    record: dict[str, Any] = json.loads(str(_stored()["origin"]))
    return record


def unit(x: Array) -> Array:
    """Rows rescaled to the length √d, so that their entries are O(1)."""
    return np.asarray(x * (np.sqrt(x.shape[1]) / np.linalg.norm(x, axis=1, keepdims=True)))


def words(d: int, split: int) -> tuple[tuple[Population, ...], tuple[Population, ...]]:
    """Two thirds of the words of each language to train on, and the rest, by a random split: the first d components of each embedding,
    normalised, and its polarity less the mean of the language, over the standard deviation."""
    file = _stored()
    training, held_out = list[Population](), list[Population]()
    for language in range(len(languages())):
        own = file["language"] == language
        x, y = unit(file["components"][own, :d].astype(float)), file["polarity"][own].astype(float)
        y = (y - y.mean()) / y.std()
        order = np.random.default_rng([split, language]).permutation(len(y))
        for group, rows in zip((training, held_out), np.split(order, [2 * len(y) // 3]), strict=True):
            group.append(Population(x[rows], y[rows]))
    return tuple(training), tuple(held_out)


@functools.cache
def digits(d: int) -> Population:
    """The 1797 images of 8 × 8 pixels by their first d principal components, scaled together to E‖x‖² = d; no labels."""
    from sklearn.datasets import load_digits

    pixels = load_digits().data
    centred = pixels - pixels.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    x = centred @ directions[:d].T
    return Population(x * np.sqrt(d * len(x) / (x**2).sum()), np.zeros(len(x)))


def shuffled(source: Population, seed: int) -> Population:
    """The same inputs with labels of other ones."""
    return Population(source.x, np.random.default_rng(seed).permutation(source.y))
