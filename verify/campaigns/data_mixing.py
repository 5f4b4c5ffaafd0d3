"""The figures of [DM]: what it gives (d = 80, λ = 5e-5, target ReLU, 20 runs, Δ) and, as data, what it leaves open.

Fig. 1 has θ_ξ = η = d² here, Fig. 2 η = d², Fig. 3 spikes of θ_ξ = d² and θ_x = d. ``dm-scan`` varies these one at a time;
``dm-heads`` has other heads, and ``dm-degree`` equivalents of several degrees without a step, where [DM]'s Assumption 4.4 of a finite rank
does not hold: the column b₂ gives Cov(h) a block of rank d that is larger than the bulk.
"""

from __future__ import annotations

from typing import Any

from verify.campaigns.campaign import Axis, Campaign, Panel
from verify.campaigns.mixing import Mixing
from verify.claims.mixing import same_error, step_helps, structure_helps

#: Π₁ of Figs. 2 and 3.
SHARES = (0.25, 0.5, 0.75)
TAUS = (0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.5)
ALPHAS = (0.25, 0.5, 1.0, 2.0, 4.0)
WIDTHS = (0.125, 0.25, 0.375, 0.5, 0.75, 1.0)
STEPS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_BOTH = Mixing(task_spike=1.0, activations=("relu", "tanh"))
_SPIKES: dict[str, dict[str, Any]] = {"isotropic": {}, "task spike": {"task_spike": 1.0}, "input spike": {"input_spike": 1.0}}


def _shares(axis: Axis, values: tuple[float, ...], **setting: Any) -> Panel:
    return Panel(axis, values, tuple(Mixing(share, name=f"π₁ = {share:g}", degrees=(5,), **setting) for share in SHARES))


DATA_MIXING = (
    Campaign(
        "dm-fig1",
        "[DM] Fig. 1",
        "The Transformer and its equivalent of degree 4 have the same ICL error, against n, ℓ and k.",
        (Panel("samples", TAUS, (_BOTH,)), Panel("context", ALPHAS, (_BOTH,)), Panel("hidden", WIDTHS, (_BOTH,))),
        d=80,
        runs=20,
        seed=2026_01,
        claims=(same_error,),
    ),
    Campaign(
        "dm-fig2",
        "[DM] Fig. 2",
        "A source with structured inputs or tasks, or with little noise, lowers the ICL error.",
        (
            _shares("input spike", (0.0, 0.25, 0.5, 1.0, 2.0)),
            _shares("task spike", (0.0, 0.125, 0.25, 0.5, 1.0)),
            _shares("noise", (0.01, 0.1, 0.2, 0.4, 0.8), noises=(0.04, 0.04)),
        ),
        d=80,
        runs=20,
        seed=2026_02,
        claims=(structure_helps, same_error),
        # Every cell has one n of its own: with a query for each test context most of its time would go into testing.
        queries=8,
    ),
    Campaign(
        "dm-fig3",
        "[DM] Fig. 3",
        "The gradient step helps where tasks are spiked, and not where inputs are.",
        tuple(
            Panel("step", STEPS, tuple(Mixing(share, name=f"π₁ = {share:g}", **_SPIKES[structure]) for share in (0.5, 1.0)))
            for structure in ("task spike", "input spike")
        ),
        d=80,
        runs=20,
        seed=2026_03,
        claims=(step_helps,),
    ),
    Campaign(
        "dm-scan",
        "Constants of [DM]",
        "What is said of Fig. 3 does not hang on the constants chosen: λ, and the strength of the spike.",
        (
            *(
                Panel("step", STEPS, tuple(Mixing(1.0, ridge=ridge, name=f"λ = {ridge:g}", **setting) for ridge in (5e-5, 5e-4, 5e-3)))
                for setting in _SPIKES.values()
            ),
            Panel("step", STEPS, tuple(Mixing(1.0, task_spike=theta, name=f"θ = {theta:g} d²") for theta in (0.25, 1.0, 4.0))),
        ),
        d=40,
        runs=20,
        seed=2026_04,
        claims=(step_helps,),
    ),
    Campaign(
        "dm-heads",
        "Other heads under [DM]'s step",
        "What is said of Fig. 3 holds of heads that see h of one length, and of tanh.",
        tuple(
            Panel(
                "step",
                (0.0, 1.0, 4.0, 16.0),
                tuple(
                    Mixing(
                        share,
                        name=f"{structure}, π₁ = {share:g}",
                        activations=(sigma,),
                        degrees=(),
                        normalise=normalise,
                        linear=(sigma, normalise) == ("relu", True),
                        **_SPIKES[structure],
                    )
                    for structure in ("task spike", "input spike")
                    for share in (0.5, 1.0)
                ),
            )
            for sigma, normalise in (("relu", True), ("tanh", True), ("tanh", False))
        ),
        d=40,
        runs=20,
        seed=2026_05,
        claims=(step_helps,),
    ),
    Campaign(
        "dm-degree",
        "The degree that structure asks for",
        "Without a step the equivalent of degree p has the ICL error of the "
        "Transformer: of degree 1 on isotropic data, of degree 2 under spikes.",
        tuple(
            Panel(
                "samples", (0.5, 1.5), (Mixing(share, step=0.0, name=structure, degrees=(1, 2, 4), normalise=True, **_SPIKES[structure]),)
            )
            for structure, share in (("isotropic", 0.5), ("task spike", 1.0), ("input spike", 0.5))
        ),
        d=80,
        runs=20,
        seed=2026_06,
        claims=(same_error,),
    ),
)
