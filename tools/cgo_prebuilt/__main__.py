"""`python3 -m cgo_prebuilt`."""

import sys

from cgo_prebuilt.cli import main

sys.exit(main())
