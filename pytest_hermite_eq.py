"""The pytest plugin of hermite_eq: options, the marker, the seeded generator, and the table of statistical checks.

It stands beside the package so that pytest loads it without importing the package, NumPy or SymPy; the assertions append to
:data:`CHECKS` when they find this module loaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import numpy as np

#: The checks of the body of the test that is running; those of fixtures are in no family and no table.
CHECKS: list[dict[str, Any]] = []
PROFILE_VARIABLE = "HERMITE_EQ_UNIVERSALITY"
_PROPERTY = "hermite_eq"
_SEED = pytest.StashKey[int]()
_BEFORE = pytest.StashKey[str | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hermite_eq", "Gaussian universality")
    group.addoption(
        "--universality",
        choices=("default", "thorough"),
        default=os.environ.get(PROFILE_VARIABLE, "default"),
        help="budgets of the statistical assertions: default, or thorough (eight times the runs, for nightly tests)",
    )
    group.addoption(
        "--universality-seed",
        default="0",
        metavar="SEED",
        help="seed of the universality_rng fixture: an integer, or 'random', which draws one and prints it",
    )
    group.addoption(
        "--universality-table", choices=("all", "failed", "none"), default="all", help="which statistical checks the summary lists"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "universality(rate=1e-6): a statistical test; the false-alarm rates of all assertions in its body together are at most rate",
    )
    workers = getattr(config, "workerinput", None)
    given = config.getoption("universality_seed")
    if workers is not None:
        config.stash[_SEED] = workers["universality_seed"]
    elif given == "random":
        config.stash[_SEED] = random.SystemRandom().randrange(2**32)
    elif given.isdecimal():
        config.stash[_SEED] = int(given)
    else:
        raise pytest.UsageError(f"--universality-seed is a non-negative integer or 'random'; found {given!r}")
    config.stash[_BEFORE] = os.environ.get(PROFILE_VARIABLE)
    os.environ[PROFILE_VARIABLE] = config.getoption("universality")


def pytest_unconfigure(config: pytest.Config) -> None:
    before = config.stash.get(_BEFORE, None)
    if before is None:
        os.environ.pop(PROFILE_VARIABLE, None)
    else:
        os.environ[PROFILE_VARIABLE] = before


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Workers of pytest-xdist get the seed that was drawn."""
    node.workerinput["universality_seed"] = node.config.stash[_SEED]


def pytest_report_header(config: pytest.Config) -> str:
    return f"universality: {config.getoption('universality')} profile, seed {config.stash[_SEED]}"


@pytest.fixture
def universality_seed(request: pytest.FixtureRequest) -> int:
    """A seed for ``rng=…``, made of ``--universality-seed`` and the test's name."""
    digest = hashlib.sha256(f"{request.config.stash[_SEED]}:{request.node.nodeid}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


@pytest.fixture
def universality_rng(universality_seed: int) -> np.random.Generator:
    """A NumPy generator of that seed."""
    import numpy

    return numpy.random.default_rng(universality_seed)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    CHECKS.clear()
    marker = item.get_closest_marker("universality")
    try:
        with _shared(marker):
            return (yield)
    finally:
        if CHECKS:
            item.user_properties.append((_PROPERTY, list(CHECKS)))
            CHECKS.clear()


def _shared(marker: pytest.Mark | None) -> contextlib.AbstractContextManager[None]:
    if marker is None:
        return contextlib.nullcontext()
    from hermite_eq.testing.rates import family

    return family(*marker.args, **marker.kwargs)


def _rows(reports: list[Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for report in reports:
        if getattr(report, "when", None) == "call":
            for name, checks in report.user_properties:
                if name == _PROPERTY:
                    yield from ((report.nodeid, report.outcome, check) for check in checks)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    shown = config.getoption("universality_table")
    reports = [report for key in ("passed", "failed", "xfailed", "xpassed") for report in terminalreporter.stats.get(key, [])]
    rows = list(_rows(reports))
    if not rows or shown == "none":
        return
    # One false alarm is expected among 1/rate calls of each assertion.
    expected = sum(check["rate"] for _, _, check in rows if check["p_value"] is not None)
    terminalreporter.section("statistical checks")
    terminalreporter.write_line(f"{len(rows)} checks; false alarms expected in one run of the suite: {expected:.1e}")
    terminalreporter.write_line(f"{'p-value':>9}  {'rate':>8}  {'verdict':<11}  check")
    for nodeid, outcome, check in sorted(rows, key=lambda row: 1.0 if row[2]["p_value"] is None else row[2]["p_value"]):
        if shown == "failed" and outcome != "failed":
            continue
        chance = "exact" if check["p_value"] is None else f"{check['p_value']:.2g}"
        terminalreporter.write_line(f"{chance:>9}  {check['rate']:8.1e}  {check['verdict']:<11}  {check['assertion']} in {nodeid}")
