"""Every command once, through main; and the text of an expression is never evaluated."""

from __future__ import annotations

import json
import math

import pytest

from hermite_eq.activations import registered_names
from hermite_eq.cli import main


def output(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(argv) == 0
    return capsys.readouterr().out


def test_coefficients_as_a_table_as_json_and_as_tex(capsys: pytest.CaptureFixture[str]) -> None:
    table = output(capsys, "coefficients", "relu", "--degree", "2")
    assert "sqrt(2)/(2*sqrt(pi))" in table
    assert len(table.splitlines()) == 2 + 3
    data = json.loads(output(capsys, "coefficients", "relu", "--degree", "2", "--json"))
    assert data["c"] == pytest.approx([1 / math.sqrt(2 * math.pi), 0.5, 1 / math.sqrt(2 * math.pi)], abs=1e-15)
    assert data["residual"][1] ** 2 == pytest.approx(0.25 - 1 / (2 * math.pi), abs=1e-15)
    assert r"\mathrm{He}_{1}(x)" in output(capsys, "coefficients", "relu", "--latex")
    assert r"\toprule" in output(capsys, "coefficients", "tanh", "--latex", "table")
    assert output(capsys, "coefficients", "relu", "--latex", "general").startswith("c_k = ")


def test_an_expression_keeps_its_rationals(capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(output(capsys, "coefficients", "Max(x - 1/3, 0)", "--degree", "1", "--json"))
    assert "1/18" in data["exact"][0]
    assert "erf(sqrt(2)/6)" in data["exact"][1]


def test_every_registered_activation_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(output(capsys, "activations", "--json"))
    assert tuple(row["name"] for row in rows) == registered_names()
    assert len(rows) >= 30
    assert len(output(capsys, "activations").splitlines()) == 1 + len(rows)


def test_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, "model", "relu", "--degree", "1", "--latex").startswith(r"\hat\sigma_{1}(x) = ")
    assert output(capsys, "model", "relu", "--degree", "1").splitlines()[1] == "c_1 = 1/2"


def test_theory_for_the_head_and_the_linear_transformer(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["theory", "--target", "relu", "--tau", "0.5,1.5", "--json"]
    head = json.loads(output(capsys, *argv, "--activation", "relu", "--mu", "3", "-d", "20"))
    linear = json.loads(output(capsys, *argv, "--intercept"))
    assert [row["tau"] for row in head["curve"]] == [0.5, 1.5]
    assert all(0 < row["idg"] <= row["icl"] for row in head["curve"] + linear["curve"])
    assert "ICL error" in output(capsys, *argv[:-1])


def test_compare_sets_theory_beside_simulation(capsys: pytest.CaptureFixture[str]) -> None:
    table = output(capsys, "compare", "--activation", "relu", "--target", "tanh", "-d", "8", "--tau", "3", "--runs", "2", "--degrees", "1")
    labels = [line[:28].strip() for line in table.splitlines()[2:]]
    assert labels == ["relu", "relu, r = 1", "linear", "linear + intercept"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["coefficients", "rellu"], "relu"),
        (["coefficients", "relu", "--degree", "-2"], "degree is a non-negative integer"),
        (["coefficients", "__import__('os').system('true')"], "Repair"),
        (["coefficients", "x.__class__"], "Repair"),
        (["coefficients", "exp(x**2)"], "square integrable"),
        (["theory", "--target", "relu", "--tau", "a,b"], "separated by commas"),
    ],
)
def test_bad_input_is_one_clear_line(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("hermite-eq: ")
    assert message in error
    assert len(error.splitlines()) == 1
