"""The figures of [DM]: what it gives (d = 80, λ = 5e-5, target ReLU, 20 runs, Δ) and, as data, what it leaves open.

Fig. 1 has θ_ξ = η = d² here, Fig. 2 η = d², Fig. 3 spikes of θ_ξ = d² and θ_x = d. ``dm-scan`` varies these one at a time;
``dm-heads`` has other heads, and ``dm-degree`` equivalents of several degrees at rest, where [DM]'s Assumption 4.4 of a finite rank
does not hold: the column b₂ gives Cov(h) a block of rank d that is larger than the bulk.
"""

from __future__ import annotations

from verify.campaigns.campaign import by_name
from verify.campaigns.mixing import Mixing, MixingCampaign, MixingPanel

#: Π₁ of Figs. 2 and 3.
SHARES = (0.25, 0.5, 0.75)
TAUS = (0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.5)
ALPHAS = (0.25, 0.5, 1.0, 2.0, 4.0)
WIDTHS = (0.125, 0.25, 0.375, 0.5, 0.75, 1.0)
STEPS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_BASE = Mixing(task_spike=1.0)
_BOTH = ("relu", "tanh")


def _shares(**setting: object) -> tuple[tuple[str, Mixing], ...]:
    return tuple((f"π₁ = {share:g}", Mixing(spiked=share, **setting)) for share in SHARES)  # type: ignore[arg-type]


_SPIKES = {"isotropic": {}, "task spike": {"task_spike": 1.0}, "input spike": {"input_spike": 1.0}}

MIXING: dict[str, MixingCampaign] = by_name(
    [
        MixingCampaign(
            "dm-fig1", "[DM] Fig. 1", "The Transformer and its equivalent of degree 4 have the same ICL error, against n, ℓ and k.",
            (
                MixingPanel("samples", TAUS, (("", _BASE),), _BOTH),
                MixingPanel("context", ALPHAS, (("", _BASE),), _BOTH),
                MixingPanel("hidden", WIDTHS, (("", _BASE),), _BOTH),
            ),
            d=80, runs=20, seed=2026_01,
        ),
        MixingCampaign(
            "dm-fig2", "[DM] Fig. 2", "A source with structured inputs or tasks, or with little noise, lowers the ICL error.",
            (
                MixingPanel("input spike", (0.0, 0.25, 0.5, 1.0, 2.0), _shares(), degrees=(5,)),
                MixingPanel("task spike", (0.0, 0.125, 0.25, 0.5, 1.0), _shares(), degrees=(5,)),
                MixingPanel("noise", (0.01, 0.1, 0.2, 0.4, 0.8), _shares(noises=(0.04, 0.04)), degrees=(5,)),
            ),
            d=80, runs=20, seed=2026_02,
            # Every cell has one n of its own: with a query for each test context most of its time would go into testing.
            queries=8,
        ),
        MixingCampaign(
            "dm-fig3", "[DM] Fig. 3", "The gradient step helps where tasks are spiked, and not where inputs are.",
            tuple(
                MixingPanel("step", STEPS, tuple(
                    (f"π₁ = {share:g}", Mixing(spiked=share, **setting)) for share in (0.5, 1.0)  # type: ignore[arg-type]
                ))
                for setting in (_SPIKES["task spike"], _SPIKES["input spike"])
            ),
            d=80, runs=20, seed=2026_03,
        ),
        MixingCampaign(
            "dm-scan", "Constants of [DM]", "What is said of Fig. 3 does not hang on the constants chosen: λ, and the strength of "
            "the spike.",
            (
                *(
                    MixingPanel("step", STEPS, tuple(
                        (f"λ = {ridge:g}", Mixing(spiked=1.0, ridge=ridge, **setting))  # type: ignore[arg-type]
                        for ridge in (5e-5, 5e-4, 5e-3)
                    ))
                    for setting in _SPIKES.values()
                ),
                MixingPanel("step", STEPS, tuple(
                    (f"θ = {theta:g} d²", Mixing(spiked=1.0, task_spike=theta)) for theta in (0.25, 1.0, 4.0)
                )),
            ),
            d=40, runs=20, seed=2026_04,
        ),
        MixingCampaign(
            "dm-heads", "Other heads under [DM]'s step", "What is said of Fig. 3 holds of heads that see h of one length, and of tanh.",
            tuple(
                MixingPanel("step", (0.0, 1.0, 4.0, 16.0), tuple(
                    (f"{structure}, π₁ = {share:g}", Mixing(spiked=share, **_SPIKES[structure]))  # type: ignore[arg-type]
                    for structure in ("task spike", "input spike") for share in (0.5, 1.0)
                ), (sigma,), (), normalise, linear=(sigma, normalise) == ("relu", True))
                for sigma, normalise in (("relu", True), ("tanh", True), ("tanh", False))
            ),
            d=40, runs=20, seed=2026_05,
        ),
        MixingCampaign(
            "dm-degree", "The degree that structure asks for", "At rest the equivalent of degree p has the ICL error of the Transformer: "
            "of degree 1 on isotropic data, of degree 2 under spikes.",
            tuple(
                MixingPanel(
                    "samples", (0.5, 1.5), ((structure, Mixing(spiked=share, step=0.0, **_SPIKES[structure])),),  # type: ignore[arg-type]
                    degrees=(1, 2, 4), normalise=True,
                )
                for structure, share in (("isotropic", 0.5), ("task spike", 1.0), ("input spike", 0.5))
            ),
            d=80, runs=20, seed=2026_06,
        ),
    ]
)
