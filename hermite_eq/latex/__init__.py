"""The one place that writes TeX, from plain data.

Exact numbers are written as symbols, other numbers as decimals which are correctly rounded and show
certified digits only. The output depends on the arguments alone, so that it can be kept under version
control. It needs amsmath, and amssymb for \\mathbb; tables need booktabs, theorems amsthm.
"""

from hermite_eq.latex.definitions import PACKAGES as PACKAGES
from hermite_eq.latex.expansions import NORMALISATION as NORMALISATION
from hermite_eq.latex.expansions import expansion_align as expansion_align
from hermite_eq.latex.expansions import general_coefficient as general_coefficient
from hermite_eq.latex.expansions import hermite_sum as hermite_sum
from hermite_eq.latex.numbers import ascii_name as ascii_name
from hermite_eq.latex.numbers import decimal as decimal
from hermite_eq.latex.numbers import evaluated as evaluated
from hermite_eq.latex.numbers import exact as exact
from hermite_eq.latex.numbers import is_symbolic as is_symbolic
from hermite_eq.latex.numbers import number as number
from hermite_eq.latex.tables import coefficient_table as coefficient_table
from hermite_eq.latex.tables import escaped as escaped
from hermite_eq.latex.tables import side_by_side as side_by_side
from hermite_eq.latex.theorem import equivalence_display as equivalence_display
from hermite_eq.latex.theorem import equivalence_theorem as equivalence_theorem
from hermite_eq.latex.typeset import latex as latex
