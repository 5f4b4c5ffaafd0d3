"""What is trained in each row of docs/figures/open_questions.md, and of which sizes, as data."""

from __future__ import annotations

from dataclasses import dataclass

from verify.open_questions.network import Architecture, Stop

#: σ, which is the target too, and the degrees of its equivalents.
HEADS: dict[str, tuple[int, ...]] = {"relu": (1, 2), "tanh": (1, 3)}
RIDGE, TEST = 0.1, 1200
#: A step over mD. The loss diverges at about ten times that.
SIZE = 0.3


@dataclass(frozen=True)
class Experiment:
    """A training, at some of whose steps σ is replaced.

    A step is ``size`` times mD; a ``small`` one mD/d, of order d² in the units of [RT].
    """

    name: str
    architecture: Architecture
    steps: tuple[int, ...]
    stop: Stop | None = None
    small: bool = False
    size: float = SIZE

    @property
    def rows(self) -> tuple[str, ...]:
        """The names of its rows, nothing trained first."""
        return (*(f"{self.name}, T = {step}" for step in self.steps), *([f"{self.name}, converged"] if self.stop else []))


@dataclass(frozen=True)
class OpenQuestions:
    """Experiments with heads and their equivalents; d is the smallest, and ``dimensions`` are those of the page.

    The other fields are those of :class:`verify.campaigns.campaign.Campaign`.
    """

    name: str
    figure: str
    claim: str
    experiments: tuple[Experiment, ...]
    d: int
    dimensions: tuple[int, ...]
    runs: int
    seed: int
    heads: tuple[str, ...] = tuple(HEADS)
    test: int = TEST


QUESTIONS = OpenQuestions(
    "open-questions",
    "What remains once more is trained",
    "Equivalents in the place of σ give the same ICL error after training too.",
    (
        Experiment("first layer", Architecture(), (0, 1, 2, 5, 20, 100), Stop()),
        Experiment("first layer, a small step", Architecture(), (0, 1), small=True),
        Experiment("softmax attention", Architecture(sharpness=1.0), (0, 20)),
        Experiment("two layers", Architecture(layers=2), (0, 20)),
        Experiment("first layer and attention", Architecture(attention=True), (0, 20)),
        Experiment("two blocks", Architecture(blocks=2), (0, 20)),
        Experiment("first layer, a large step", Architecture(), (0, 1), size=3.0),
        Experiment("first layer, a huge step", Architecture(), (0, 1), size=10.0),
    ),
    8,
    (8, 12, 16),
    20,
    2026_11_30,
)
