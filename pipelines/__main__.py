"""Entry point of `python -m pipelines`."""

import sys

from pipelines._cli import main

if __name__ == "__main__":
    sys.exit(main())
