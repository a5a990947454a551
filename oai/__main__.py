"""`python -m oai`: the command line."""

import sys

from oai._cli import main

if __name__ == "__main__":
    sys.exit(main())
