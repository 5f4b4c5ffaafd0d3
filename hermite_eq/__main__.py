"""``python -m hermite_eq``: the command line."""

import sys

from hermite_eq.cli import main

if __name__ == "__main__":
    sys.exit(main())
