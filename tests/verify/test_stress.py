"""The table of where the equivalence breaks: every case can be simulated, and the verdicts are those of planted gaps."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from hermite_eq.errors import HypothesisError
from verify.campaigns.campaign import label
from verify.campaigns.run import simulate_run
from verify.campaigns.store import Origin
from verify.stress import measure, page
from verify.stress.__main__ import main
from verify.stress.cases import CASES, REFERENCE


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_simulated(name):
    panel = measure.CAMPAIGN.panels[list(CASES).index(name)]
    (points,) = simulate_run(dataclasses.replace(measure.CAMPAIGN, panels=(panel,)), 4, measure.CAMPAIGN.seed, measure.MEMORY, 0)
    assert set(points) == {label(head) for head in itertools.chain(*measure.HEADS)}
    assert all(0 < columns["icl"][0] < np.inf for columns in points.values())


def planted(constants, limits, noise, runs=20):
    """Gaps limit + constant/d + noise of every case at d = 12 and 24."""
    rng = np.random.default_rng(0)
    shape = (runs, 2, len(measure.DEGREES))
    return {
        (name, d): measure.Gaps(limits[name] + constants[name] / d + noise * rng.standard_normal(shape))
        for name in limits
        for d in (12, 24)
    }


def test_verdicts_of_planted_gaps():
    limits = {REFERENCE: 0.0, "inputs uniform": 0.0, "inputs Student t, 3": 0.25}
    constants = dict.fromkeys(limits, 2.0) | {"inputs uniform": -3.0}
    found = measure.findings(planted(constants, limits, 0.02))
    verdicts = {name: {each.verdict.split(" within")[0] for each in found if each.case == name} for name in limits}
    assert verdicts == {REFERENCE: {"holds"}, "inputs uniform": {"holds"}, "inputs Student t, 3": {"breaks"}}
    for each in found:
        # Beyond five standard errors with a false-alarm rate of 6e-7 for each of 12.
        assert abs(each.limit - limits[each.case]) < 5 * each.stderr
    # With a tenth of a gap as noise, no gap cannot be told from one.
    assert {each.verdict for each in measure.findings(planted(constants, dict.fromkeys(limits, 0.0), 0.2))} == {"cannot tell"}


def test_every_case_has_an_identity_of_its_own(tmp_path):
    """The manifest names the data of every case, so that no numbers are taken for those of another."""
    first = measure.store(tmp_path, 12).setup
    tasks = [each["task"] for each in first.identity()["simulations"]]
    assert len(set(tasks)) == len(CASES)
    panels = measure.CAMPAIGN.panels
    changed = [panels[:-1], panels[::-1], tuple(dataclasses.replace(panel, models=panel.models[:1]) for panel in panels),
               tuple(dataclasses.replace(panel, values=(1.9,)) for panel in panels)]  # fmt: skip
    setups = [first, *(dataclasses.replace(first, campaign=dataclasses.replace(measure.CAMPAIGN, panels=each)) for each in changed)]
    assert len({setup.hash for setup in setups}) == len(setups)


def two_cases(monkeypatch):
    monkeypatch.setattr(measure, "CASES", {name: CASES[name] for name in (REFERENCE, "inputs Rademacher")})
    monkeypatch.setattr(measure, "CAMPAIGN", dataclasses.replace(measure.CAMPAIGN, panels=measure.CAMPAIGN.panels[:2]))


def write(stored, run, scale):
    """A run whose equivalents are e^{scale (1 + case)} times as bad as σ."""
    record = []
    for index in range(2):
        factors = {label(head): np.exp(scale * (1 + index) * (i > 0)) for heads in measure.HEADS for i, head in enumerate(heads)}
        record.append({name: {"icl": [x], "idg": [x], "condition": [1.0], "fallback": [False]} for name, x in factors.items()})
    stored.write(run, record, Origin.here(0.0))


def test_the_command_stores_and_repeats(tmp_path, monkeypatch, capsys):
    two_cases(monkeypatch)
    for d, runs in ((12, 4), (24, 3)):
        stored = measure.store(tmp_path, d)
        stored.request(runs)
        for run in range(runs):
            write(stored, run, 0.1 + 1e-3 * run)
    # Whatever is stored is not computed again: no worker is asked.
    monkeypatch.setattr("verify.campaigns.store.simulate_run", None)
    documents = ["--documents", str(tmp_path / "docs")]
    assert main(["--d", "24", "12", "--runs", "3", "4", "--workers", "1", "--output", str(tmp_path), *documents]) == 0
    written = (tmp_path / "docs" / page.NAME).read_text(encoding="utf-8")
    assert "There are 4 runs at d₁ = 12 and 3 at d₂ = 24" in written
    assert "`python -m verify.stress --d 12 24 --runs 4 3 --documents docs`" in written
    assert "inputs Rademacher" in capsys.readouterr().out
    lines = (tmp_path / "stress" / "table.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 + 2 * 2 * len(measure.DEGREES)
    found = measure.gaps(measure.store(tmp_path, 24), range(3))["inputs Rademacher"]
    assert np.allclose(found.runs, 0.2 + 2e-3 * np.arange(3)[:, None, None], rtol=0, atol=1e-15)
    with pytest.raises(SystemExit, match="2"):
        main(["--d", "12", "12", "--output", str(tmp_path)])
    assert "two dimensions that differ" in capsys.readouterr().err


def test_numbers_of_other_cases_are_refused(tmp_path, monkeypatch):
    two_cases(monkeypatch)
    stored = measure.store(tmp_path, 12)
    stored.request(1)
    write(stored, 0, 0.1)
    monkeypatch.setattr(measure, "CAMPAIGN", dataclasses.replace(measure.CAMPAIGN, panels=measure.CAMPAIGN.panels[::-1]))
    other = measure.store(tmp_path, 12)
    assert not other.runs()
    stored.folder.rename(other.folder)
    with pytest.raises(HypothesisError, match=f"is of these runs; found that of {stored.setup.hash}"):
        measure.store(tmp_path, 12)


def test_the_table_shows_every_finding():
    found = measure.findings(planted({REFERENCE: 1.0}, {REFERENCE: 0.0}, 0.01))
    rows = page.table(found, (12, 24))
    assert len(rows) == 1 + len(found)
    assert rows[0][3] == "gap at d = 12"


def test_the_page_says_what_the_table_says():
    limits = {REFERENCE: 0.0, "inputs uniform": 0.0, "softmax, β = 2": 0.25}
    measured = planted(dict.fromkeys(limits, 2.0), limits, 0.02)
    for d in (12, 24):
        # The plain head alone departs.
        measured["softmax, β = 2", d].runs[:, 1] -= 0.25
    found = measure.findings(measured)
    normalised, plain, cause, caution = page.meaning(found, 24)
    assert "holds in 6 of 6 rows" in normalised
    assert "Nothing here breaks it." in normalised
    assert "holds in 4 of 6 rows" in plain
    assert [f"softmax, β = 2, r = {r} (+0.2" in plain for r in measure.DEGREES] == [True, True]
    assert "In 2 rows a plain head" in cause
    assert "In all of them it holds once h is divided by its length (softmax, β = 2)" in cause
    # ℓ = d examples, of which exp(-β²) share the weight.
    assert f"at ℓ = 24, {24 * np.exp(-4):.2g} for β = 2" in caution
    # Where both heads depart, the length is not the cause.
    measured = planted(dict.fromkeys(limits, 2.0), limits, 0.02)
    normalised, plain, cause, _ = page.meaning(measure.findings(measured), 24)
    assert "holds in 4 of 6 rows" in normalised
    assert "In 0 of them it holds" in cause
    # And where nothing departs there is no cause.
    assert len(page.meaning(measure.findings(planted(dict.fromkeys(limits, 2.0), dict.fromkeys(limits, 0.0), 0.02)), 24)) == 3


def test_as_many_examples_share_the_weight_as_said():
    rng = np.random.default_rng(3)
    for beta in (0.5, 1.0):
        weights = np.exp(beta * rng.standard_normal((200, 20_000)))
        shares = weights.sum(axis=1) ** 2 / (weights**2).sum(axis=1) / 20_000
        stderr = shares.std(ddof=1) / np.sqrt(200)
        # The ratio of means has a bias of O(e^{4β²}/ℓ), 3e-3 relative at most; five standard errors: a false alarm in 6e-7 of seeds.
        assert abs(shares.mean() - np.exp(-(beta**2))) < 5 * stderr + np.exp(-(beta**2)) * np.exp(4 * beta**2) / 20_000
        assert abs(shares.mean() - 1.05 * np.exp(-(beta**2))) > 5 * stderr
