"""What every test runs under, whatever it is started from."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A loaded machine is no fault of storeff's.
settings.register_profile("storeff", deadline=None)
settings.load_profile("storeff")

# Pytest imports readline, which sets COLUMNS for every child. This is what a pipe is without it.
os.environ["COLUMNS"] = "120"


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of erasure codes that is nobody's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
