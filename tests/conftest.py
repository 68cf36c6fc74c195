"""What every test runs under, whatever it is started from."""

import gc
import os
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import settings
from support import chromium

from storeff.scan.columns import Compressors

# A loaded machine is no fault of storeff's.
settings.register_profile("storeff", deadline=None, max_examples=40)
settings.load_profile("storeff")

# Pytest imports readline, which sets COLUMNS for every child. This is what a pipe is without it.
os.environ["COLUMNS"] = "120"


def pytest_collection_finish() -> None:
    """Has the collector of garbage pass over the tests themselves, which are none: to look through
    thousands again and again took a fifth of the time of those that make many numbers."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of erasure codes that is nobody's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def compressed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The codec of each chunk that is compressed from here on."""
    codecs: list[str] = []
    sizes = Compressors.sizes

    def counted(self: Compressors, name: str, blocks: Sequence[memoryview]) -> list[int]:
        codecs.extend([name] * len(blocks))
        return sizes(self, name, blocks)

    monkeypatch.setattr(Compressors, "sizes", counted)
    return codecs


@pytest.fixture(scope="module")
def tab() -> Iterator[chromium.Tab]:
    """A page of a browser; what needs it is skipped where there is none."""
    browser = chromium.found()
    if browser is None:
        pytest.skip("no Chromium here")
    with chromium.opened(browser) as made:
        yield made
