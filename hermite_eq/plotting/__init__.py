"""Figures: in-context errors along a curve, and quantities over a plane of parameters. Matplotlib is imported when one is drawn."""

from hermite_eq.plotting.curves import Curve as Curve
from hermite_eq.plotting.curves import SimulatedRuns as SimulatedRuns
from hermite_eq.plotting.curves import Style as Style
from hermite_eq.plotting.curves import plot_curve as plot_curve
from hermite_eq.plotting.mixing import plot_mixing as plot_mixing
from hermite_eq.plotting.phase import plot_phase as plot_phase
from hermite_eq.plotting.style import COLOURS as COLOURS
from hermite_eq.plotting.style import Abscissa as Abscissa
from hermite_eq.plotting.style import Error as Error
