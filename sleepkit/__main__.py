"""``python -m sleepkit`` is the command ``sleepkit``."""

import sys

from sleepkit.cli import main

sys.exit(main())
