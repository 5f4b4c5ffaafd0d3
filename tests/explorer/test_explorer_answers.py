"""What the explorer computes, in CPython: every part of the answer is the library's own."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

import hermite_eq as he
from hermite_eq.theory import icl_gradient, mixing_gradient

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "explorer"))
import explorer

MIXED = {**explorer.DEFAULTS, "mixed": True, "kappa": "inf", "share2": 0.25}


@pytest.mark.parametrize("axis", explorer._GRIDS)
@pytest.mark.parametrize("dimension", [8, 20])
def test_values_of_an_axis_are_different_sizes_with_no_more_tasks_than_contexts(axis: str, dimension: int) -> None:
    state = {**explorer.DEFAULTS, "axis": axis, "d": dimension, "kappa": 2.0, "tau": 1.0}
    values = explorer.finite_grid(state)
    made = [explorer.sizes({**state, axis: value}) for value in values]
    assert len(set(made)) == len(made) or axis in ("ridge", "noise")
    assert set(values) <= set(explorer.grid(axis))
    assert [value for part in explorer._chunks(state) for value in part] == values


def test_the_curve_has_no_point_with_more_tasks_than_contexts() -> None:
    state = {**explorer.DEFAULTS, "d": 8, "kappa": 8.0}
    assert min(explorer.finite_grid(state)) == 1.0
    with pytest.raises(he.HypothesisError, match="k ≤ n"):
        explorer.sizes({**state, "tau": 0.841})


@pytest.mark.parametrize("state", [explorer.DEFAULTS, MIXED], ids=["one source", "two sources"])
def test_numbers_are_those_of_the_library(state: dict[str, bool | float | int | str]) -> None:
    at, head = explorer.sizes(state), he.RandomTransformer("relu", ridge=1e-4)
    sources = [he.Source("relu", 0.01), he.Source("tanh", 0.1)]
    task = he.Task(sources=sources, weights=[0.75, 0.25]) if state["mixed"] else he.Task("relu", noise=0.01)
    assert explorer.answer("limit", state)["point"]["icl"] == he.icl_error(head, task, explorer.ratios(state)).icl
    shown = explorer.answer("finite", state)
    assert shown["point"]["icl"] == he.icl_error(head, task, at).icl
    assert shown["sizes"]["samples"] == at.samples
    curve = explorer.answer("finite_curve", {**state, "chunk": 0})["curve"]
    assert curve["icl"] == he.icl_curve(head, task, at, tau=explorer.finite_grid(state)).icl.tolist()
    slopes = explorer.answer("hints", state)["changes"]
    if state["mixed"]:
        assert [change["slope"] for change in slopes] == [mixing_gradient(head, task, at).along([-1, 1])]
    else:
        gradient = icl_gradient(head, task, at)
        assert {f"d_{change['name']}": change["slope"] for change in slopes} == {
            name: getattr(gradient, name) for name in ("d_alpha", "d_kappa", "d_tau", "d_mu", "d_ridge")
        }


@pytest.mark.parametrize(
    ("where", "headline"),
    [
        ({"tau": 3.0, "mu": 1.0}, "More training contexts (τ) would help most."),
        ({"tau": 2.0, "mu": 3.0}, "More hidden units (μ) would help most."),
        ({"tau": 1.0, "mu": 1.0, "ridge": 1.0}, "A larger ridge λ would help most."),
    ],
)
def test_the_headline_names_the_largest_change_and_its_direction(where: dict[str, float], headline: str) -> None:
    state = {**explorer.DEFAULTS, **where}
    hints, error = explorer.answer("hints", state), explorer.answer("finite", state)["point"]["icl"]
    assert hints["headline"] == headline
    for change in hints["changes"]:
        assert change["relative"] == pytest.approx(0.1 * state[change["name"]] * change["slope"] / error, rel=1e-12)
        assert ("falls" in change["text"]) == (change["relative"] < -explorer._NOTHING)
    largest = max(hints["changes"], key=lambda change: abs(change["relative"]))
    assert largest["text"].split(" the error ")[0].split()[-1] in headline or largest["name"] == "ridge"


@pytest.mark.parametrize("text", ["__import__('os').system('x')", "x.__class__", "1/(x - 1)", "<img src=x>", "", "lambda: x"])
def test_what_the_library_refuses_is_told_in_its_words(text: str) -> None:
    with pytest.raises(he.HypothesisError) as refused:
        he.equivalent_model(text, 3)
    assert explorer.answer("expansion", {**explorer.DEFAULTS, "sigma": text}) == {"refused": str(refused.value)}


def test_a_mixture_in_the_limit_needs_fresh_tasks() -> None:
    refused = explorer.answer("limit", {**MIXED, "kappa": 1.0})["refused"]
    assert "fresh task in every context" in refused
    assert "Repair: pass kappa=math.inf" in refused


@pytest.mark.parametrize("state", [explorer.DEFAULTS, MIXED, {**explorer.DEFAULTS, "ridge": 0.0, "tau": 1.0}], ids=["one", "two", "peak"])
def test_every_part_is_json_without_what_json_has_not(state: dict[str, bool | float | int | str]) -> None:
    for part in explorer._PARTS:
        text = explorer.answer_json(part, json.dumps({**state, "chunk": 0}))
        assert json.loads(text, parse_constant=pytest.fail)


def test_the_program_gives_the_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    for state in (explorer.DEFAULTS, MIXED, {**explorer.DEFAULTS, "sigma": "Max(x - 1/3, 0)", "axis": "ridge"}):
        names: dict[str, Any] = {}
        exec(compile(explorer.answer("program", state)["code"], "program", "exec"), names)
        shown = capsys.readouterr().out
        assert explorer.answer("expansion", state)["model"] in shown
        error = he.icl_error(names["head"], names["task"], names["sizes"])
        assert error.icl == explorer.answer("finite", state)["point"]["icl"]
        assert f"{error}" in shown


def test_texts_in_the_program_are_quoted() -> None:
    state = {**explorer.DEFAULTS, "sigma": "x'); print('hostile"}
    quoted = repr(state["sigma"])
    assert f"he.coefficients({quoted}, degree=3)" in explorer.answer("program", state)["code"]


def test_every_residual_is_finite_or_symbolic() -> None:
    for name in he.activations.registered_names():
        shown = explorer.answer("expansion", {**explorer.DEFAULTS, "sigma": name})
        assert math.isfinite(shown["residual"]["value"])
        assert len(shown["coefficients"]) == 4
