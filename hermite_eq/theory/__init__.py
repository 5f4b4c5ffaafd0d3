"""Deterministic in-context errors: numbers in, numbers out, no randomness."""

from hermite_eq.theory.blocks import Kronecker as Kronecker
from hermite_eq.theory.closed_forms import RidgelessError as RidgelessError
from hermite_eq.theory.closed_forms import ridgeless as ridgeless
from hermite_eq.theory.error import TheoryCurve as TheoryCurve
from hermite_eq.theory.error import TheoryError as TheoryError
from hermite_eq.theory.error import icl_curve as icl_curve
from hermite_eq.theory.error import icl_error as icl_error
from hermite_eq.theory.explicit import GivenMoments as GivenMoments
from hermite_eq.theory.explicit import Population as Population
from hermite_eq.theory.explicit import Quadratics as Quadratics
from hermite_eq.theory.explicit import given_moments as given_moments
from hermite_eq.theory.optimum import BestHead as BestHead
from hermite_eq.theory.optimum import OptimalRidge as OptimalRidge
from hermite_eq.theory.optimum import best_head as best_head
from hermite_eq.theory.optimum import head_error as head_error
from hermite_eq.theory.optimum import optimal_ridge as optimal_ridge
from hermite_eq.theory.structured_tasks import TaskPopulation as TaskPopulation
from hermite_eq.theory.structured_tasks import structured_curve as structured_curve
from hermite_eq.theory.context_length import OptimalContext as OptimalContext
from hermite_eq.theory.context_length import PhaseDiagram as PhaseDiagram
from hermite_eq.theory.context_length import optimal_context as optimal_context
from hermite_eq.theory.context_length import phase_diagram as phase_diagram
