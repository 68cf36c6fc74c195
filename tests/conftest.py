"""What every test runs under, whatever it is started from."""

import os

# Pytest imports readline, which sets COLUMNS for every child. This is what a pipe is without it.
os.environ["COLUMNS"] = "120"
