"""The table of where the equivalence breaks: every case can be simulated, and the verdicts are those of planted gaps."""

from __future__ import annotations

import json

import numpy as np
import pytest

from verify.stress import measure
from verify.stress.__main__ import main, table
from verify.stress.cases import CASES, REFERENCE


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_simulated(name):
    gaps = np.array(measure.gaps(name, 4, range(1)))
    assert gaps.shape == (1, 2, len(measure.DEGREES))
    assert np.isfinite(gaps).all()


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


def test_the_command_stores_and_repeats(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("verify.stress.measure.CASES", {name: CASES[name] for name in (REFERENCE, "inputs Rademacher")})
    folder = tmp_path / "stress"
    for index in range(2):
        for d, runs in ((12, 4), (24, 3)):
            gaps = 0.1 * (1 + index) + 1e-3 * np.arange(runs)[:, None, None] * np.ones((2, len(measure.DEGREES)))
            path = folder / f"{index:02d}-d{d}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps({"gaps": gaps.tolist()}))
    # Whatever is stored is not computed again: no worker is asked.
    assert main(["--d", "24", "12", "--runs", "3", "4", "--workers", "1", "--output", str(tmp_path)]) == 0
    assert "inputs Rademacher" in capsys.readouterr().out
    lines = (folder / "table.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 + 2 * 2 * len(measure.DEGREES)
    assert main(["--d", "12", "12", "--output", str(tmp_path)]) == 2
    assert "two dimensions that differ" in capsys.readouterr().err


def test_the_table_shows_every_finding():
    found = measure.findings(planted({REFERENCE: 1.0}, {REFERENCE: 0.0}, 0.01))
    rows = table(found, (12, 24))
    assert len(rows) == 1 + len(found)
    assert rows[0][3] == "gap at d = 12"
