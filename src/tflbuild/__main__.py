"""`python -m tflbuild` is `tflbuild`."""

import sys

from tflbuild.cli import main

sys.exit(main())
