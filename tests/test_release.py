"""What is released: the files of the distributions, and that version, changelog, citation, recipe, paper and workflows agree."""

from __future__ import annotations

import io
import re
import tarfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

import hermite_eq

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TARGETS = PYPROJECT["tool"]["hatch"]["build"]["targets"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
#: By the name of a package index, that of conda-forge, where it is another one.
CONDA = {"matplotlib": "matplotlib-base"}


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def loaded(path: str | Path) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def packed(names: Sequence[str]) -> int:
    """Bytes of an archive of these files and folders."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as archive:
        for name in names:
            archive.add(ROOT / name, name, filter=lambda member: None if "__pycache__" in member.name else member)
    return len(memory.getvalue())


def test_the_source_distribution_is_small_and_holds_no_results() -> None:
    names = TARGETS["sdist"]["only-include"]
    assert set(TARGETS["wheel"]["only-include"]) <= set(names)
    assert not any(name.startswith(("results", ".")) for name in names)
    # The builder adds the README, the license and pyproject.toml.
    names = [*names, "README.md", "LICENSE", "pyproject.toml"]
    assert packed(names) < 10**6
    # With the runs it would not be.
    assert packed([*names, "results"]) > 10**6


def test_version_changelog_and_citation_agree() -> None:
    citation = loaded("CITATION.cff")
    entries = re.findall(r"^## (?!Unreleased)(\S+) \((\S+)\)$", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert (hermite_eq.__version__, str(citation["date-released"])) == (citation["version"], entries[0][1])
    assert hermite_eq.__version__ == entries[0][0]
    dates = [date for _, date in entries]
    assert dates == sorted(dates, reverse=True)
    headings = re.findall(r"^### (.*)$", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert set(headings) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_authors_and_licence_are_those_of_the_citation() -> None:
    citation, project = loaded("CITATION.cff"), PYPROJECT["project"]
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in project["authors"]]
    assert citation["license"] == project["license"] == "MIT"


def bounds(requirements: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The lower bound of each package; the highest one where there are several."""
    bounds: dict[str, tuple[int, ...]] = {}
    for requirement in requirements:
        match = re.fullmatch(r"([\w-]+) *>=([\d.]+)(;.*)?", requirement)
        assert match, requirement
        bound = tuple(int(part) for part in match[2].split("."))
        bounds[match[1]] = max(bounds.get(match[1], ()), bound)
    return bounds


def test_the_recipe_needs_what_the_project_needs() -> None:
    recipe, project = loaded("release/recipe.yaml"), PYPROJECT["project"]
    assert recipe["context"]["version"] == hermite_eq.__version__
    needed = {CONDA.get(name, name): bound for name, bound in bounds(project["dependencies"]).items()}
    assert bounds(recipe["requirements"]["run"]) == needed | bounds([f"python{project['requires-python']}"])
    scripts = [f"{name} = {target}" for name, target in project["scripts"].items()]
    assert recipe["build"]["python"]["entry_points"] == scripts
    assert recipe["about"]["summary"] == project["description"]
    built_with = {name for name in bounds([]) | dict.fromkeys(PYPROJECT["build-system"]["requires"])}
    assert built_with <= set(recipe["requirements"]["host"])


def test_the_paper_cites_what_its_bibliography_has() -> None:
    _, header, text = read("release/paper.md").split("---\n", 2)
    entries = re.findall(r"^@\w+\{(\S+),$", read("release/paper.bib"), flags=re.MULTILINE)
    assert len(set(entries)) == len(entries)
    assert set(re.findall(r"@([a-z]\w*)", text)) == set(entries)
    front = yaml.safe_load(header)
    assert front["bibliography"] == "paper.bib"
    assert {"title", "tags", "authors", "affiliations", "date"} <= set(front)
    affiliations = {entry["index"] for entry in front["affiliations"]}
    assert {author["affiliation"] for author in front["authors"]} == affiliations
    # Every command that the paper gives for a number is a module.
    commands = re.findall(r"python -m ([\w.]+)", text)
    assert commands
    for command in commands:
        path = ROOT.joinpath(*command.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), command


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_targets_that_exist(workflow: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", read("Makefile"), flags=re.MULTILINE))
    jobs = loaded(workflow)["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    called = {target for command in commands for target in re.findall(r"\bmake ([\w-]+)", command)}
    assert called <= targets
    # Nothing but the deployment of what was built and the upload runs without the Makefile.
    assert all("make " in command or command.startswith("test -f") for command in commands)
    # Whatever may write says so for its job alone.
    assert loaded(workflow)["permissions"] == {"contents": "read"}


def test_the_workflow_of_the_tests_covers_every_python() -> None:
    rows = loaded(".github/workflows/tests.yml")["jobs"]["tests"]["strategy"]["matrix"]["row"]
    pythons = [version.rpartition(" :: ")[2] for version in PYPROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", version)]
    assert {"lowest", *(f"lowest{version}" for version in pythons[1:]), *(f"python{version}" for version in pythons)} <= set(rows)
    assert PYPROJECT["project"]["requires-python"] == f">={pythons[0]}"


def test_hooks_are_those_of_the_development_extra() -> None:
    hooks = {hook["id"]: hook for repository in loaded(".pre-commit-config.yaml")["repos"] for hook in repository["hooks"]}
    assert {"ruff", "ruff-format", "mypy", "check-added-large-files", "end-of-file-fixer"} == set(hooks)
    for name in ("ruff", "ruff-format", "mypy"):
        assert hooks[name]["language"] == "system"
        assert hooks[name]["entry"].startswith(".venv/bin/")


def test_pages_name_files_that_exist() -> None:
    for page in ("CONTRIBUTING.md", "CHANGELOG.md", ".github/SUPPORT.md", ".github/CODE_OF_CONDUCT.md", ".github/SECURITY.md"):
        text = read(page)
        for name in re.findall(r"`((?:docs|\.github|tests|examples|release)/[\w./-]+)`", text):
            assert (ROOT / name).exists(), (page, name)
        for name in re.findall(r"`make ([\w-]+)", text) + re.findall(r"^make ([\w-]+)", text, flags=re.MULTILINE):
            assert re.search(rf"^{name}:", read("Makefile"), flags=re.MULTILINE), (page, name)
