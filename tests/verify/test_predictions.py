"""The theory of a campaign is kept only for as long as the code would compute the same."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import hermite_eq
from hermite_eq.curve import Setting as Point
from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, RandomTransformer, Sizes, Task
from hermite_eq.theory import icl_curve
from verify.campaigns import theory as kept
from verify.campaigns.mixing import Mixing
from verify.campaigns.table import CAMPAIGNS
from verify.campaigns.theory import Answer, Points, Predictions, Rows, by_workers, here, solved

#: With tasks enough for the theory not to draw them.
SIZES = Sizes(d=8, context=8, tasks=16, samples=32, hidden=32)
MODELS = (LinearTransformer(0.1), LinearTransformer(0.1, intercept=True), RandomTransformer("relu", 0.1))
ASKED = [tuple(Point(model, Task("relu"), dataclasses.replace(SIZES, samples=n)) for n in (32, 64)) for model in MODELS]


@pytest.fixture
def _invented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers in place of a theory: of one some are missing, and one is infinite."""

    def numbers(points: Points) -> Rows:
        icl = np.array([0.1 + len(str(points[0].model)), math.nan if "intercept" in str(points[0].model) else math.inf])
        by_source = np.array([[1 / 3, 2.5], [math.nan, 0.7]]) if "relu" in str(points[0].model) else np.empty((2, 0))
        return list(zip(np.column_stack([icl, icl / 2, icl, icl, by_source]).tolist(), (("a",), ("b", "ηd²")), strict=True))

    monkeypatch.setattr(kept, "solved", numbers)


def asked(folder: Path, questions: list[Points] = ASKED) -> list[Points]:
    """What is computed of the questions, in this process."""
    requests: list[Points] = []

    def answers(missing: list[Points]) -> Iterator[Answer]:
        requests.extend(missing)
        return here(missing)

    Predictions(folder).prepare(questions, answers)
    return requests


@pytest.mark.usefixtures("_invented")
def test_what_is_kept_is_not_computed_again_and_is_the_same(tmp_path: Path) -> None:
    assert asked(tmp_path) == ASKED
    first, again = Predictions(tmp_path / "elsewhere"), Predictions(tmp_path)
    assert not asked(tmp_path)
    for points in ASKED:
        first_answer, second_answer = first(points), again(points)
        for name in ("icl", "idg", "by_source"):
            np.testing.assert_array_equal(getattr(first_answer, name), getattr(second_answer, name))
        assert first_answer.notes == second_answer.notes


@pytest.mark.usefixtures("_invented")
def test_other_points_or_another_code_are_another_theory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(tmp_path) == ASKED
    assert asked(tmp_path) == []
    other = [tuple(dataclasses.replace(point, task=Task("relu", 0.5)) for point in points) for points in ASKED]
    assert asked(tmp_path, other) == other
    assert asked(tmp_path) == []
    monkeypatch.setattr(kept, "code", lambda: "another")
    assert asked(tmp_path) == ASKED


def test_whatever_makes_other_models_is_another_question() -> None:
    # Every field of a family, whoever adds one; and of the curves of a campaign those alone have one name that are one.
    family, names = Mixing(task_spike=1.0), set()
    for field in dataclasses.fields(family):
        value = getattr(family, field.name)
        other = {"noises": (0.1, 0.2), "activations": ("tanh",), "degrees": (5,), "name": "name"}.get(field.name)
        field_value: dict[str, Any] = {field.name: other or (not value if isinstance(value, bool) else value + 0.25)}
        changed = dataclasses.replace(family, **field_value)
        setting = changed.at("step", 1.0, 8)
        questions = tuple(kept.identity((Point(model, setting.task, setting.sizes),), "") for model in setting.models.values())
        names.add(questions)
    assert len(names) == len(dataclasses.fields(family)) - 1
    for campaign in CAMPAIGNS.values():
        points: dict[str, set[Points]] = {}
        for panel in campaign.panels:
            for kind in panel.families:
                settings = panel.settings(kind, 12)
                for name, model in settings[0].models.items():
                    if hasattr(model, "ridge"):
                        asked_for = tuple(Point(setting.models[name], setting.task, setting.sizes) for setting in settings)
                        points.setdefault(kept.identity(asked_for, ""), set()).add(asked_for)
        assert all(len(kind) == 1 for kind in points.values())


@pytest.mark.usefixtures("_invented")
def test_what_was_computed_while_the_code_changed_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = iter(["before", *["after"] * len(ASKED)])
    monkeypatch.setattr(kept, "code", lambda: next(versions))
    assert asked(tmp_path) == ASKED
    assert not (tmp_path / kept.FILE).exists()


@pytest.mark.usefixtures("_invented")
@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": {"icl": [0.1]}}'])
def test_a_damaged_file_is_computed_again(tmp_path: Path, text: str) -> None:
    asked(tmp_path)
    (tmp_path / kept.FILE).write_text(text)
    assert asked(tmp_path) == ASKED
    assert asked(tmp_path) == []


@pytest.mark.usefixtures("_invented")
def test_a_changed_number_is_computed_again(tmp_path: Path) -> None:
    asked(tmp_path)
    path = tmp_path / kept.FILE
    text = path.read_text(encoding="utf-8")
    first = re.search(r"0\.[0-9]*[1-9]", text)
    assert first
    path.write_text(text.replace(first[0], str(float(first[0]) * 1.01), 1), encoding="utf-8")
    assert asked(tmp_path) == ASKED


def test_the_code_is_that_of_every_source_a_theory_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(hermite_eq.__file__).parent
    copy = Path(shutil.copytree(source, tmp_path / "hermite_eq", ignore=shutil.ignore_patterns("__pycache__")))
    before = kept.code()
    monkeypatch.setattr(hermite_eq, "__file__", str(copy / "__init__.py"))
    # The place does not matter, the text does.
    assert kept.code() == before
    for changed in (
        "theory/ridge_equivalent/typed.py", "covariance/moments/sources.py", "expansion/panels.py", "structured/conditional.py",
        "hermite.py",
    ):  # fmt: skip
        text = (copy / changed).read_text(encoding="utf-8")
        (copy / changed).write_text(text + "\n", encoding="utf-8")
        assert kept.code() != before, changed
        (copy / changed).write_text(text, encoding="utf-8")
    (copy / "theory" / "new.py").write_text("")
    assert kept.code() != before
    (copy / "theory" / "new.py").unlink()
    (copy / "simulate" / "new.py").write_text("")
    assert kept.code() == before
    monkeypatch.setattr(kept, "version", lambda name: "0")
    assert kept.code() != before


def test_a_theory_cannot_import_what_is_left_out_of_its_code() -> None:
    path = Path(__file__).parent.parent / "test_imports.py"
    spec = importlib.util.spec_from_file_location("import_order", path)
    assert spec is not None
    assert spec.loader is not None
    order = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(order)
    assert set(kept.BESIDE) < set(order.DIRECT)
    assert not set(kept.BESIDE) & order.allowed("theory")


def test_processes_compute_what_this_one_does() -> None:
    # One question starts one process.
    assert list(by_workers(ASKED[:1], "asked", Console(quiet=True))) == [(solved(ASKED[0]), kept.code())]


def test_the_theory_is_that_of_the_models_simulated() -> None:
    # One call for the points of one model and task, and one for each of the others.
    setting = Mixing(task_spike=1.0, samples=0.3).at("context", 1.0, 8)
    points = tuple(Point(setting.models[name], setting.task, setting.sizes) for name in ("linear", "linear + intercept", "linear"))
    predictions = Predictions()(points)
    direct = [hermite_eq.icl_error(point.model, point.task, point.sizes) for point in points]
    np.testing.assert_allclose(predictions.icl, [error.icl for error in direct], rtol=1e-12)
    np.testing.assert_allclose(predictions.by_source, [error.icl_by_source for error in direct], rtol=1e-12)
    assert predictions.notes[0] == tuple(direct[0].notes)


def test_where_the_theory_declines_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Predictions()(ASKED[0])

    def declines(model: Any, task: Any, sizes: Any) -> Any:
        if sizes[0].samples == 64 or len(sizes) > 1:
            raise HypothesisError("the weights settle", "none", "raise the ridge")
        return icl_curve(model, task, sizes)

    monkeypatch.setattr(kept, "icl_curve", declines)
    predictions = Predictions()(ASKED[0])
    np.testing.assert_allclose(predictions.icl, [right.icl[0], math.nan], rtol=1e-12)
    assert predictions.notes[1] == ("no value: the weights settle; found none",)
