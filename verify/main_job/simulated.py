"""The campaigns of the main job, simulated: nothing of them is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed

from verify.campaigns.campaign import Campaign
from verify.campaigns.curves import Results, results
from verify.store.run import simulate_run

#: Bytes for the arrays of one run.
_MEMORY = 4 * 10**9


def measure(planned: Sequence[Campaign], pool: Executor, advance: Callable[[], None]) -> list[Results]:
    """Simulate a campaign at several d, the largest first, so that no process is left alone with it; one step for each run."""
    ordered = sorted(planned, key=lambda campaign: -campaign.d)
    jobs = {(each.d, run): pool.submit(simulate_run, each, each.d, each.seed, _MEMORY, run) for each in ordered for run in range(each.runs)}
    for _ in as_completed(jobs.values()):
        advance()
    return [results(each, each.d, [jobs[each.d, run].result() for run in range(each.runs)]) for each in ordered]
