r"""Whether the equivalence of Theorem 3 survives a departure from its hypotheses, over two dimensions.

The gap of a run is :math:`\log(e_{\hat\sigma_r}/e_\sigma)`, which single runs of heavy-tailed data do not dominate. It falls as 1/d where
the equivalence holds, so that :math:`g_\infty=(d_2g_2-d_1g_1)/(d_2-d_1)` is its limit; the limit is compared with that of Gaussian data,
whose corrections of higher order are like theirs.
"""

from __future__ import annotations

import numpy as np

from hermite_eq.models import RandomTransformer
from hermite_eq.simulate import MonteCarlo
from verify.campaigns.curves import Key, Results
from verify.claims.agreement import Ladder
from verify.claims.check import RESOLUTION, Check, Verdict, z_score

#: Beyond this many standard errors a limit differs from the Gaussian one: a false alarm in 6e-5 of comparisons, as t is turned into z.
SIGMAS = 4.0


def equivalence_survives(cases: tuple[str, ...], *, ladder: Ladder) -> list[Check]:
    """The limit of the gap of every equivalent is that of the first panel, whose own is none. The panels have names.

    It agrees if a difference of :data:`verify.claims.check.RESOLUTION` could not have been hidden. With one dimension there is no limit.
    """
    rows = []
    for small, large in (sorted(pair, key=lambda results: results.d) for pair in ([ladder[0], other] for other in ladder[1:2])):
        curves = {key: curve for key, curve in large.curves.items() if curve.degree is not None}
        limits = {key: _limit(small, large, key) for key in curves}
        for key, (value, stderr, note) in limits.items():
            # The reference is compared with no gap at all.
            against, spread = (0.0, 0.0) if key[0] == 0 else limits[0, 0, key[2]][:2]
            stderr = float(np.hypot(stderr, spread))
            z, hidden = z_score(against, value, stderr, large.runs), SIGMAS * stderr
            verdict = Verdict.DISAGREES if abs(z) > SIGMAS else Verdict.AGREES if hidden <= RESOLUTION else Verdict.UNDECIDED
            length = ", h normalised" if getattr(curves[key].model, "normalise", False) else ""
            rows.append(
                Check(
                    f"{cases[key[0]]}{length}, r = {curves[key].degree}: limit of log(e(σ̂_r)/e(σ))",
                    against,
                    value,
                    stderr,
                    "z",
                    z,
                    verdict,
                    note=f"{note}; a gap of {hidden:.2f} could be hidden",
                )
            )
    return rows


def _gaps(results: Results, key: Key) -> tuple[float, float]:
    """Mean gap and its standard error."""
    curve = results.curves[key]
    assert isinstance(curve.model, RandomTransformer)
    (head,) = (
        other
        for other in results.of_panel(key[0])
        if isinstance(other.model, RandomTransformer) and other.degree is None and other.model.normalise == curve.model.normalise
    )
    mean = MonteCarlo.from_runs(np.log(curve.icl_runs[:, 0] / head.icl_runs[:, 0]))
    return mean.mean, mean.stderr


def _limit(small: Results, large: Results, key: Key) -> tuple[float, float, str]:
    """The extrapolated gap, its standard error, and the gaps in words."""
    (g1, s1), (g2, s2), d1, d2 = _gaps(small, key), _gaps(large, key), small.d, large.d
    note = f"{g1:+.3f} ± {s1:.3f} at d = {d1}, {g2:+.3f} ± {s2:.3f} at d = {d2}"
    return (d2 * g2 - d1 * g1) / (d2 - d1), float(np.hypot(d2 * s2, d1 * s1)) / (d2 - d1), note
