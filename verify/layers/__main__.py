"""Kernels of random layers, and whether depth helps in context: docs/topics/heads/kernels.md and docs/topics/heads/depth.md.

python -m verify.layers kernels             the page on kernels: a minute
python -m verify.layers depth               the page on depth, with simulations at d = 24 and 40: ten minutes on one core
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from hermite_eq.errors import HypothesisError
from verify.command_line import command_line, positive
from verify.layers import depth, kernels
from verify.store.files import write_text

SMALLEST = ("depth", "--d", "4", "--runs", "2")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run."""
    parser = command_line("verify.layers", __doc__, SMALLEST)
    parser.add_argument("page", nargs="*", metavar="page", choices=("kernels", "depth", []), help="kernels or depth (both)")
    parser.add_argument("--d", type=positive, nargs="+", default=list(depth.DIMENSIONS), help="dimensions (24 40)")
    parser.add_argument("--runs", type=positive, default=depth.RUNS, help=f"simulated runs ({depth.RUNS})")
    parser.add_argument("--documents", type=Path, help="folder of the pages (default: they are printed)")
    arguments = parser.parse_args(argv)
    try:
        for name in arguments.page or ("kernels", "depth"):
            documents, runs = arguments.documents, arguments.runs
            text = kernels.page(runs, documents) if name == "kernels" else depth.page(arguments.d, runs, documents)
            if documents is None:
                print(text)
            else:
                write_text(documents / f"{name}.md", text)
    except HypothesisError as error:
        print(f"python -m verify.layers: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
