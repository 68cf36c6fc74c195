"""Google Cloud Storage, by the interface that it shares with S3, and Azure Blob Storage."""

import json
from collections.abc import Iterator

import pytest
from support import azure_server
from support.azure_server import Container
from support.buckets import QUICK
from support.s3_server import S3, serving

from storeff.errors import StoreffError
from storeff.sources.object_store import ObjectStores
from storeff.sources.skipped import Skipped
from storeff.testing import check_change, check_source

OBJECTS = {"a": b"hello", "d/e": b"x" * 300_000, "d/empty": b"", "\u00fc b+c%2f": b"a URL's own"}
CONTENTS = {(0, key.encode()): content for key, content in OBJECTS.items()}


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with serving(S3(is_public=True)) as server:
        account = {"gcs_base_url": server.url, "disable_oauth": True}
        nobody = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(account | nobody))
        monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
        for key, content in OBJECTS.items():
            server.put(key, content)
        yield server


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    with azure_server.serving(Container()) as container:
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", container.url)
        monkeypatch.setenv("AZURE_SKIP_SIGNATURE", "true")
        monkeypatch.setenv("AZURE_ALLOW_HTTP", "true")
        for key, content in OBJECTS.items():
            container.put(key, content)
        yield container


def test_objects_of_google_keep_the_contract(gcs: S3) -> None:
    check_source(ObjectStores(["gs://bucket"], QUICK), CONTENTS)


def test_a_change_at_google_is_noticed(gcs: S3) -> None:
    source = ObjectStores(["gs://bucket"], QUICK)
    check_change(source, CONTENTS, (0, b"a"), lambda: gcs.put("a", b"other"))


def test_a_key_that_its_client_cannot_name_is_said_to_be_missing(gcs: S3) -> None:
    source = ObjectStores(["gs://bucket"], QUICK)
    gcs.put("d//x", b"an empty component")
    assert list(source.list()) == [Skipped("bad-name", b"gs://bucket/", None)]


def test_a_bucket_that_is_not_there_is_refused(gcs: S3) -> None:
    with pytest.raises(StoreffError, match="NoSuchBucket: by the test"):
        ObjectStores(["gs://another"], QUICK)


def test_blobs_of_azure_keep_the_contract(azure: Container) -> None:
    check_source(ObjectStores(["az://container"], QUICK), CONTENTS)


def test_a_change_at_azure_is_noticed(azure: Container) -> None:
    source = ObjectStores(["az://container"], QUICK)
    check_change(source, CONTENTS, (0, b"d/e"), lambda: azure.put("d/e", b"other"))


def test_a_folder_of_azure_is_a_root(azure: Container) -> None:
    source = ObjectStores(["az://container/d"], QUICK)
    assert source.roots == (b"az://container/d/",)
    check_source(source, {(0, b"e"): OBJECTS["d/e"], (0, b"empty"): b""})
