"""Seconds of an import, of a first call and of the slowest ones, over `import numpy, sympy`, each in fresh processes: the least of
several. A minute or two.

Processor time: other work on the machine does not lengthen it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from verify.command_line import command_line, positive

BASE = "import numpy, sympy"
#: The promise for ``import hermite_eq``, in seconds over :data:`BASE`.
PROMISE = 0.3
_SOURCES = (
    "from hermite_eq import *; "
    "task = Task(sources=[Source('relu', 0.01), Source('tanh', 0.1), Source('relu', 0.5)], unit_inputs=True, unit_link=True)"
)
STARTS = (
    "import hermite_eq",
    "from hermite_eq import *",
    "import hermite_eq; hermite_eq.coefficients('relu')[1]",
    "from hermite_eq import LinearTransformer, Ratios, Task, icl_error; icl_error(LinearTransformer(0.1), Task('relu'), Ratios(1, 1, 1))",
    f"{_SOURCES}; icl_error(RandomTransformer('relu', 0.1), task, Sizes(40, 40, 20, 3200, 1600))",
    f"{_SOURCES}; icl_error(LinearTransformer(0.1), task, Sizes(40, 40, 20, 3200, 1600))",
    "import hermite_eq; hermite_eq.coefficients('sign(sin(20*x))', 6).latex()",
    "import jax, warnings, hermite_eq; warnings.simplefilter('ignore'); hermite_eq.coefficients(jax.nn.gelu, 6)",
    "import math; from hermite_eq import *; "
    "icl_error(RandomTransformer('relu', 0.1), SoftmaxAttention(Task('relu', 0.1), 1.0), Sizes(40, 80, math.inf, 3200, 1600))",
)
#: Arguments of the smallest run.
SMALLEST = ("--repetitions", "1", "--starts", "1")


def seconds(code: str, repetitions: int) -> float:
    """Processor seconds of ``code`` in a new interpreter, the least of ``repetitions``."""
    program = f"import time\nstart = time.process_time()\n{code}\nprint(time.process_time() - start)"
    runs = (subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in range(repetitions))
    return min(float(run.stdout) for run in runs)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and measure."""
    parser = command_line("benchmarks.startup", __doc__, SMALLEST)
    parser.add_argument("--repetitions", type=positive, default=5, help="processes for each line (5)")
    parser.add_argument("--starts", type=positive, default=len(STARTS), help=f"how many of the lines, from the first ({len(STARTS)})")
    arguments = parser.parse_args(argv)
    repetitions = arguments.repetitions
    base = seconds(BASE, repetitions)
    print(f"{base:6.2f} s  {BASE}")
    for code in STARTS[: arguments.starts]:
        more = seconds(f"{BASE}\n{code}", repetitions) - base
        promised = f"  promised: + {PROMISE:.2f} s" if code == STARTS[0] else ""
        print(f"+ {more:4.2f} s  ratio {1 + more / base:4.2f}  {code}{promised}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
