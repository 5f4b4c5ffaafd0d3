"""The theory of a campaign is kept only for as long as the code would compute the same."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import hermite_eq
from hermite_eq.errors import HypothesisError
from hermite_eq.models import RandomTransformer
from verify.campaigns import mixing_predictions as kept
from verify.campaigns import mixing_theory
from verify.campaigns.mixing import Mixing, MixingCampaign, MixingPanel
from verify.campaigns.mixing_table import MIXING
from verify.campaigns.mixing_theory import MixingTheory, theory
from verify.workers import workers

PANEL = MixingPanel("samples", (0.5, 1.0), (("", Mixing(task_spike=1.0)),), ("relu",))
CAMPAIGN = MixingCampaign("dm-test", "", "", (PANEL,), d=8, runs=2, seed=1)
NAMES = ["linear", "linear + intercept", "relu", "relu, no step", "relu, rank one", "relu, p = 4"]


class Recorder:
    """Computes in this process, and remembers what."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def submit(self, function, question):
        self.asked.append(question.name)
        answer = function(question)
        return type("Now", (), {"result": lambda self: answer})()


@pytest.fixture(autouse=True)
def _invented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers in place of a theory, one of them missing."""

    def invented(panel, family, name: str, d: int) -> MixingTheory:
        found = MixingTheory(np.array([d + 0.1, math.nan]), np.array([[1 / 3, len(name)], [math.nan, math.nan]]), (("a",), ("b", "ηd²")))
        return dataclasses.replace(found, at_rest=found if "no step" in name else None)

    monkeypatch.setattr(kept, "theory", invented)


def asked(folder: Path, campaign: MixingCampaign = CAMPAIGN, d: int = 8) -> list[str]:
    recorder = Recorder()
    kept.predictions(campaign, d, folder, executor=recorder)
    return recorder.asked


def test_what_is_kept_is_not_computed_again_and_is_the_same(tmp_path: Path) -> None:
    first = kept.predictions(CAMPAIGN, 8, tmp_path, executor=Recorder())
    assert [name for _, _, name in first] == NAMES
    recorder = Recorder()
    again = kept.predictions(CAMPAIGN, 8, tmp_path, executor=recorder)
    assert not recorder.asked
    for key, one in first.items():
        for mine, other in ((one, again[key]), (one.at_rest, again[key].at_rest)):
            assert (mine is None) == (other is None)
            if mine is not None:
                np.testing.assert_array_equal(mine.icl, other.icl)
                np.testing.assert_array_equal(mine.by_source, other.by_source)
                assert mine.notes == other.notes


def test_another_d_or_setting_or_code_is_another_theory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(tmp_path) == NAMES
    assert asked(tmp_path, d=9) == NAMES
    assert asked(tmp_path) == NAMES  # those of d = 8 were dropped for those of d = 9
    more = dataclasses.replace(CAMPAIGN, panels=(dataclasses.replace(PANEL, families=(("", Mixing(task_spike=1.0, ridge=1e-3)),)),))
    assert asked(tmp_path, more) == NAMES
    assert asked(tmp_path, more) == []
    monkeypatch.setattr(kept, "code", lambda: "another")
    assert asked(tmp_path, more) == NAMES
    assert len(kept._read(tmp_path / kept.FILE)) == len(NAMES)


def test_whatever_makes_other_models_is_another_question() -> None:
    # Every field of a panel and of a family, whoever adds one.
    family = PANEL.families[0][1]
    questions = [kept._Question(PANEL, family, "relu", 8)]
    other = {"axis": "hidden", "values": (0.5,), "activations": ("tanh",), "degrees": (5,), "normalise": True, "linear": False}
    assert set(other) | {"families"} == {field.name for field in dataclasses.fields(PANEL)}
    questions += [dataclasses.replace(questions[0], panel=dataclasses.replace(PANEL, **{name: value})) for name, value in other.items()]
    for field in dataclasses.fields(family):
        value = getattr(family, field.name)
        changed = (0.1, 0.2) if field.name == "noises" else value + 0.25
        questions.append(dataclasses.replace(questions[0], family=dataclasses.replace(family, **{field.name: changed})))
    questions += [dataclasses.replace(questions[0], name="tanh"), dataclasses.replace(questions[0], d=9)]
    assert len({question.identity("") for question in questions}) == len(questions)
    # Two curves of a campaign have one name only if they are one: of the same models, tasks and sizes.
    for campaign in MIXING.values():
        points: dict[str, set] = {}
        for panel in campaign.panels:
            for _, family in panel.families:
                for name in panel.series(family, 8):
                    at = tuple(panel.point(family, name, value, 8) for value in panel.values)
                    points.setdefault(kept._Question(panel, family, name, 8).identity(""), set()).add(at)
        assert all(len(each) == 1 for each in points.values())


def test_what_was_computed_while_the_code_changed_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = iter(["before", *["after"] * len(NAMES)])
    monkeypatch.setattr(kept, "code", lambda: next(versions))
    assert asked(tmp_path) == NAMES
    assert not (tmp_path / kept.FILE).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": {"icl": [0.1]}}'])
def test_a_damaged_file_is_computed_again(tmp_path: Path, text: str) -> None:
    asked(tmp_path)
    (tmp_path / kept.FILE).write_text(text)
    assert asked(tmp_path) == NAMES
    assert asked(tmp_path) == []


def test_a_changed_number_is_computed_again(tmp_path: Path) -> None:
    asked(tmp_path)
    path = tmp_path / kept.FILE
    text = path.read_text(encoding="utf-8")
    first = re.search(r"0\.[0-9]+", text)
    assert first
    path.write_text(text.replace(first[0], str(float(first[0]) * 1.01), 1), encoding="utf-8")
    assert asked(tmp_path) == NAMES


def test_the_code_is_that_of_every_source_a_theory_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(hermite_eq.__file__).parent
    copy = Path(shutil.copytree(source, tmp_path / "hermite_eq", ignore=shutil.ignore_patterns("__pycache__")))
    before = kept.code()
    monkeypatch.setattr(hermite_eq, "__file__", str(copy / "__init__.py"))
    # The place does not matter, the text does.
    assert kept.code() == before
    for changed in ("theory/spiked_engine.py", "covariance/sources.py", "expansion/panels.py", "structured/conditional.py", "hermite.py"):
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


def test_what_is_left_out_of_the_code_cannot_be_imported_by_a_theory() -> None:
    path = Path(__file__).parent.parent / "test_import_order.py"
    spec = importlib.util.spec_from_file_location("import_order", path)
    assert spec is not None
    order = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(order)
    assert set(kept.BESIDE) < set(order.DIRECT)
    assert not set(kept.BESIDE) & order.allowed("theory")


def test_processes_compute_what_this_one_does(tmp_path: Path) -> None:
    question = kept._Question(PANEL, PANEL.families[0][1], "linear", 8)
    with workers(1) as pool:
        found, code = pool.submit(kept._Question.answer, question).result()
    expected = theory(question.panel, question.family, question.name, question.d)
    np.testing.assert_array_equal(found.icl, expected.icl)
    assert code == kept.code()


def test_the_theory_is_that_of_the_models_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    # Few contexts, for time.
    monkeypatch.setattr("hermite_eq.theory.error.NODES", 64)
    panel = dataclasses.replace(PANEL, values=(1.0,))
    family = panel.families[0][1]
    found = {name: theory(panel, family, name, 8) for name in ("relu, no step", "relu, p = 4")}
    for name, one in found.items():
        model, task, sizes = panel.point(family, name, 1.0, 8)
        direct = hermite_eq.icl_error(model, task, sizes)
        assert one.icl.tolist() == [direct.icl]
        assert one.by_source.tolist() == [list(direct.icl_by_source)]
        assert one.notes == (direct.notes,)
    rest = found["relu, no step"].at_rest
    model, task, sizes = panel.point(family, "relu, no step", 1.0, 8)
    assert rest.icl.tolist() == [hermite_eq.icl_error(RandomTransformer("relu", model.ridge), task, sizes).icl]
    assert found["relu, p = 4"].at_rest is None


def test_where_the_theory_declines_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def declines(model, task, sizes):
        raise HypothesisError("the weights settle", "none", "raise the ridge")

    monkeypatch.setattr(hermite_eq, "icl_error", declines)
    found = mixing_theory.theory(MIXING["dm-fig1"].panels[0], MIXING["dm-fig1"].panels[0].families[0][1], "relu", 8)
    assert np.isnan(found.icl).all()
    assert np.isnan(found.by_source).all()
    assert set(found.notes) == {("no value: the weights settle; found none",)}
