"""How much is simulated: the quick profile of ``make verify`` and the paper-size one."""

from __future__ import annotations

from dataclasses import dataclass

from verify.campaigns.heads import TAUS


@dataclass(frozen=True)
class Profile:
    """Sizes and numbers of runs."""

    name: str
    seed: int
    #: Coefficients: dimension, independent draws of F, and the side of each (contexts × hidden units) block.
    feature_d: int
    feature_runs: int
    feature_side: int
    #: Lemma 1 and Corollary 2: dimensions, and contexts at each; of Corollary 2 those of one (ξ, F) too.
    law_ladder: tuple[int, ...]
    law_contexts: int
    covariance_d: int
    covariance_contexts: int
    #: Transformers: dimensions, independent runs at each, and n/d² of the learning curve.
    ladder: tuple[int, ...]
    runs: tuple[int, ...]
    taus: tuple[float, ...]
    #: Several sources and the gradient step: dimensions, and independent runs at each; gradients taken apart at each.
    mixing_ladder: tuple[int, ...]
    mixing_runs: tuple[int, ...]
    gradient_runs: int


QUICK = Profile(
    "quick",
    seed=2025,
    feature_d=12,
    feature_runs=100,
    feature_side=500,
    law_ladder=(10, 20, 40, 80),
    law_contexts=100_000,
    covariance_d=20,
    covariance_contexts=200_000,
    ladder=(12, 20, 32),
    runs=(80, 40, 20),
    taus=TAUS,
    mixing_ladder=(12, 16, 24),
    mixing_runs=(160, 160, 160),
    gradient_runs=24,
)
FULL = Profile(
    "full",
    seed=2025,
    feature_d=40,
    feature_runs=100,
    feature_side=800,
    law_ladder=(10, 20, 40, 80, 160),
    law_contexts=400_000,
    covariance_d=40,
    covariance_contexts=1_000_000,
    ladder=(20, 40, 80),
    runs=(80, 40, 20),
    taus=TAUS,
    mixing_ladder=(16, 24, 40),
    mixing_runs=(160, 160, 120),
    gradient_runs=24,
)
