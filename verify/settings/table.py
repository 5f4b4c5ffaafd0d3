"""The settings, drawn once from a seed and kept as data in ``drawn.json``.

Heads and targets come from lists of common shapes, even and odd parts mixed, with and without kinks, bounded and unbounded; ratios,
ridge and noise are log-uniform. Nothing was drawn a second time.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hermite_eq.models import RandomTransformer, Ratios, Sizes, Task

SEED = 2026
COUNT = 24
HEADS = ("relu", "tanh", "gelu", "softplus", "silu", "erf", "shifted_relu", "Abs(x) + 3*x/10")
TARGETS = ("relu", "tanh", "gelu", "softplus", "identity", "sin", "shifted_relu", "Abs(x) + 3*x/10")
#: Ends of the log-uniform laws.
RANGES = {"alpha": (0.5, 4.0), "kappa": (0.25, 4.0), "tau": (0.3, 2.5), "mu": (0.3, 2.0), "ridge": (1e-6, 1.0), "noise": (1e-3, 0.3)}
#: Share of settings with a fresh task in every training context.
FRESH = 0.125
DATA = Path(__file__).with_name("drawn.json")

@dataclass(frozen=True)
class Setting:
    """One row of the table; κ = ``inf`` is stored as null."""

    head: str
    target: str
    alpha: float
    kappa: float
    tau: float
    mu: float
    ridge: float
    noise: float

    @property
    def task(self) -> Task:
        return Task(self.target, noise=self.noise)

    def model(self, *, normalise: bool = True) -> RandomTransformer:
        return RandomTransformer(self.head, ridge=self.ridge, normalise=normalise)

    @property
    def ratios(self) -> Ratios:
        return Ratios(alpha=self.alpha, kappa=self.kappa, tau=self.tau, mu=self.mu)

    def sizes(self, d: int) -> Sizes:
        return Sizes.from_ratios(d, alpha=self.alpha, kappa=self.kappa, tau=self.tau, mu=self.mu)

    def __str__(self) -> str:
        kappa = "∞" if math.isinf(self.kappa) else f"{self.kappa:g}"
        return (f"{self.head} on {self.target}, α = {self.alpha:g}, κ = {kappa}, τ = {self.tau:g}, μ = {self.mu:g}, λ = {self.ridge:g}, "
                f"ρ = {self.noise:g}")

def draw(seed: int = SEED, count: int = COUNT) -> tuple[Setting, ...]:
    """The settings of a seed, their numbers rounded to three digits."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        head, target = str(rng.choice(HEADS)), str(rng.choice(TARGETS))
        numbers: dict[str, Any] = {name: float(f"{10 ** rng.uniform(*np.log10(ends)):.3g}") for name, ends in RANGES.items()}
        if rng.random() < FRESH:
            numbers["kappa"] = math.inf
        rows.append(Setting(head=head, target=target, **numbers))
    return tuple(rows)


def write(path: Path = DATA) -> None:
    """Write the table of :func:`draw`."""
    rows = [{name: None if value == math.inf else value for name, value in asdict(row).items()} for row in draw()]
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def read(path: Path = DATA) -> tuple[Setting, ...]:
    """The table as kept."""
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    complete: list[dict[str, Any]] = [{name: math.inf if value is None else value for name, value in row.items()} for row in rows]
    return tuple(Setting(**row) for row in complete)


SETTINGS = read()
