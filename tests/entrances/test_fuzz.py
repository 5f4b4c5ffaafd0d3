"""Whatever is passed to a public entrance, what comes back is a result or an own error: a sample of all calls with one wrong argument.

With ``HERMITE_EQ_FUZZ=full`` in the environment it is all of them.
"""

from __future__ import annotations

import os
import random
import signal
import warnings
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from surface import RESULTS, Entrance, entrances
from wrong_values import WRONG

import hermite_eq
from hermite_eq.errors import HypothesisError
from hermite_eq.testing import UniversalityError

#: Wrong values for each argument.
SAMPLE = len(WRONG) if os.environ.get("HERMITE_EQ_FUZZ") == "full" else 3
#: Seconds of computation for one call, of which none takes one but for those in ``SLOW``; a loaded machine is no hang.
LIMIT = 60
#: Entrances whose valid call takes a second and more: their arguments are sampled once.
SLOW = {
    "icl_error",
    "theory.best_head",
    "theory.best_mixture",
    "theory.mixing_curve",
    "theory.optimal_ridge",
    "theory.optimal_ridge_curve",
    "theory.spiked_icl_error",
    "plotting.plot_curve",
    "plotting.plot_mixing",
    "trained.icl_error",
}


@pytest.fixture(autouse=True)
def _no_windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(mpl, "use", lambda *_: None)
    plt.switch_backend("agg")
    yield
    plt.close("all")


def _late(*_: object) -> None:
    raise TimeoutError


def raw(entrance: Entrance, name: str, value: str) -> str | None:
    """What is raised beside own errors when the argument ``name`` is wrong."""
    arguments = entrance.arguments()
    arguments[name] = WRONG[value]()
    signal.signal(signal.SIGPROF, _late)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            entrance.call(arguments)
    except (HypothesisError, UniversalityError):
        return None
    except Exception as error:
        return f"{name} = {value}: {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None


@pytest.mark.parametrize("entrance", entrances(), ids=lambda entrance: entrance.name)
def test_a_wrong_argument_gives_an_own_error(entrance: Entrance) -> None:
    sample = random.Random(entrance.name)
    count = 1 if entrance.name in SLOW and len(WRONG) > SAMPLE else SAMPLE
    answers = [raw(entrance, parameter.name, value) for parameter in entrance.parameters for value in sample.sample(sorted(WRONG), count)]
    assert [line for line in answers if line] == []


def test_the_surface_is_the_whole_one() -> None:
    names = {entrance.name for entrance in entrances()}
    assert {"coefficients", "hermite.he", "theory.best_mixture", "simulate.icl_error", "Enclosure.contains"} <= names
    assert len(names) > 200
    exported = {name for name in dir(hermite_eq) if callable(getattr(hermite_eq, name)) and not name.startswith("_")}
    assert RESULTS & exported == {"HermiteExpansion", "TheoryError"}


def test_a_raw_exception_is_noticed() -> None:
    parameters = next(entrance.parameters for entrance in entrances() if entrance.name == "activations.lipschitz_violation")
    broken = Entrance("activations.lipschitz_violation", lambda sigma: sigma.lipschitz, parameters)
    assert raw(broken, "sigma", "None") == "sigma = None: AttributeError: 'NoneType' object has no attribute 'lipschitz'"
