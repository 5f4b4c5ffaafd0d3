"""No text is executed: every entrance and command gets hostile ones, in a process of its own with an audit hook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("hostile_texts.py")
#: All of them with HERMITE_EQ_FUZZ=full.
TEXTS = "100000" if os.environ.get("HERMITE_EQ_FUZZ") == "full" else "3"


def walk(what: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, str(SCRIPT), what], capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, "PYTHONPATH": path}
    )


def test_nothing_is_executed(tmp_path: Path) -> None:
    effects = walk(TEXTS, tmp_path)
    assert effects.returncode == 0, effects.stdout + effects.stderr
    assert int(effects.stdout.split()[0]) > 1000
    assert list(tmp_path.iterdir()) == []


def test_what_is_executed_is_noticed(tmp_path: Path) -> None:
    effects = walk("control", tmp_path)
    assert effects.returncode == 1
    assert "sympy.sympify executed: import hermite_hostile" in effects.stdout


@pytest.mark.parametrize("name", ["x + __import__('os').system('touch X')", "f'{1}'", "a b"])
def test_names_of_symbols_and_functions_are_not_executed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # lambdify writes Python out of an expression, names as they are.
    import sympy

    import hermite_eq
    from hermite_eq.hermite import X

    monkeypatch.chdir(tmp_path)
    with pytest.raises(hermite_eq.HypothesisError, match="the names in an expression are identifiers"):
        hermite_eq.activation(sympy.Function(name)(X))
    assert list(tmp_path.iterdir()) == []
