"""Every command once, through main; and the text of an expression is never evaluated."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from typing import Any

import pytest

from hermite_eq import coefficients, simulate
from hermite_eq.activations import activation, registered_names
from hermite_eq.cli import main
from hermite_eq.models import TrainedModel
from hermite_eq.simulate import simulation
from hermite_eq.simulate.training.draw import draw_run


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
    table = output(
        capsys,
        "compare",
        "--activation",
        "relu",
        "--target",
        "tanh",
        "-d",
        "8",
        "--tau",
        "3",
        "--runs",
        "2",
        "--degrees",
        "1",
        "--kappa",
        "4",
    )
    labels = [line[:28].strip() for line in table.splitlines()[2:]]
    assert labels == ["relu", "relu, r = 1", "linear", "linear + intercept"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["coefficients", "rellu"], "relu"),
        (["coefficients", "rellu", "--json"], "relu"),
        (["coefficients", "relu", "--degree", "171"], "beyond double precision"),
        (["coefficients", "a*x"], "pass parameters=['a']"),
        (["model", "relu", "--variance", "-1"], "variance of the pre-activations is positive"),
        (["compare", "--activation", "relu", "--target", "tanh", "--runs", "0"], "at least one run"),
        (["coefficients", "relu", "--degree", "-2"], "degree is a non-negative integer"),
        (["coefficients", "__import__('os').system('true')"], "Repair"),
        (["coefficients", "x.__class__"], "Repair"),
        (["coefficients", "exp(x**2)"], "square integrable"),
        (["theory", "--target", "relu", "--tau", "a,b"], "separated by commas"),
    ],
)
def test_bad_input_is_one_clear_line(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 1
    error = capsys.readouterr().err
    assert error.startswith("hermite-eq: ")
    assert message in error
    assert len(error.splitlines()) == 1


#: With tasks enough for the theory not to draw them.
_SMALL = ("--target", "tanh", "-d", "6", "--tau", "3", "--kappa", "4")
COMMANDS = {
    "activations": ("activations",),
    "coefficients": ("coefficients", "tanh", "--degree", "2"),
    "model": ("model", "tanh", "--degree", "2"),
    "theory": ("theory", "--activation", "relu", *_SMALL),
    "compare": ("compare", "--activation", "relu", "--degrees", "1", "--runs", "2", *_SMALL),
}


def rows_of(data: Any) -> list[dict[str, Any]]:
    """The rows of a command's JSON that are those of its CSV."""
    if isinstance(data, list):
        return data
    for key in ("curve", "models", "terms"):
        if key in data:
            return list(data[key])
    columns = zip(data["c"], data["errors"], data["residual"], strict=True)
    return [{"k": k, "c": c, "error": error, "residual": residual} for k, (c, error, residual) in enumerate(columns)]


@pytest.mark.parametrize("name", COMMANDS)
def test_json_and_csv_have_the_same_numbers_with_all_digits(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_of(json.loads(output(capsys, *COMMANDS[name], "--json")))
    table = list(csv.DictReader(io.StringIO(output(capsys, *COMMANDS[name], "--csv"))))
    assert len(table) == len(rows)
    pairs = zip(rows, table, strict=True)
    numbers = [(value, line[key]) for row, line in pairs for key, value in row.items() if isinstance(value, float)]
    assert numbers
    assert all(float(shown) == value for value, shown in numbers)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_a_command_prints(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Print " in text
    assert "exit status: 0 done; 1 a hypothesis is violated; 2 wrong usage; 130 interrupted" in text


def test_wrong_usage_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in ([], ["nothing"], ["coefficients"], ["coefficients", "relu", "--degree", "a"], ["model", "relu", "--json", "--csv"]):
        with pytest.raises(SystemExit) as ended:
            main(argv)
        assert ended.value.code == 2
    assert "usage: hermite-eq" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["-x^2", "-tanh(x)", "-2*x", "-(x > 0)", "--tanh(x)", "-relu(x) + 1", "-d*x", "-hardtanh(x)", "-exp(-x)", "-1/3*x"]
)
def test_an_expression_may_begin_with_a_minus(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    parameters = ("--parameters", "d") if "d*x" in text else ()
    data = json.loads(output(capsys, "coefficients", "--json", "--degree", "1", text, *parameters))
    expected = coefficients(text, 1, parameters=parameters[1:])
    assert data["exact"] == (None if expected.exact is None else [str(c) for c in expected.exact])


def test_a_minus_in_front_of_an_option_s_value(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ("theory", "--target", "-tanh(x)", "--activation", "-relu(x)", "--tau", "0.5", "--json")
    assert json.loads(output(capsys, *argv))["curve"][0]["icl"] > 0


def test_infinity_is_valid_json(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ("theory", "--target", "relu", "--activation", "relu", "--tau", "1", "--ridge", "0", "--json")
    assert main(argv) == 0
    captured = capsys.readouterr()
    data = json.loads(captured.out, parse_constant=pytest.fail)
    assert data["curve"][0]["icl"] == "inf"
    assert captured.err.splitlines() == [f"hermite-eq: note: {note}" for note in data["notes"]]


def test_a_warning_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "square"]) == 0
    error = capsys.readouterr().err
    assert error.startswith("hermite-eq: note: [RT] Theorem 3 supposes a Lipschitz activation")
    assert len(error.splitlines()) == 1


def test_an_interrupt_keeps_the_finished_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["compare", "--activation", "relu", "--degrees", "1", *_SMALL, "--json"]
    two = json.loads(output(capsys, *argv, "--runs", "2"))
    drawn: list[Any] = []

    def interrupted(*arguments: Any) -> Any:
        drawn.append(arguments)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return draw_run(*arguments)

    monkeypatch.setattr(simulation, "draw_run", interrupted)
    assert main([*argv, "--runs", "8"]) == 130
    captured = capsys.readouterr()
    assert json.loads(captured.out) == two
    assert captured.err.splitlines() == ["hermite-eq: interrupted after 2 of 8 runs, whose means are printed"]


def test_an_interrupt_before_anything_is_finished_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(simulate, "icl_error", interrupted)
    assert main(["compare", "--activation", "relu", *_SMALL]) == 130
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hermite-eq: interrupted\n")


def test_the_runs_one_by_one_are_the_runs_together(capsys: pytest.CaptureFixture[str]) -> None:
    import hermite_eq

    printed = json.loads(output(capsys, *COMMANDS["compare"], "--json"))["models"][0]
    sizes = hermite_eq.Sizes.from_ratios(6, alpha=1.0, kappa=4.0, tau=3.0, mu=1.0)
    task = hermite_eq.Task(activation("tanh"), 0.01)
    models: list[TrainedModel] = [hermite_eq.RandomTransformer("relu", 1e-8), hermite_eq.LinearTransformer(1e-8)]
    together = simulate.icl_error(models, task, sizes, runs=2, rng=0)[0]
    # Sums in another order of blocks: the condition of the system times the rounding.
    assert printed["icl_simulated"] == pytest.approx(together.icl.mean, rel=1e-6)


def test_a_closed_pipe_is_no_traceback_of_the_module() -> None:
    command = [sys.executable, "-m", "hermite_eq", "model", "relu"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        error = process.stderr.read()
    assert (process.returncode, error) == (141, b"")
