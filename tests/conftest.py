"""What every test runs under, whatever it is started from."""

import os

from hypothesis import settings

# A loaded machine is no fault of storeff's.
settings.register_profile("storeff", deadline=None)
settings.load_profile("storeff")

# Pytest imports readline, which sets COLUMNS for every child. This is what a pipe is without it.
os.environ["COLUMNS"] = "120"
