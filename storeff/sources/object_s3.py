"""S3 by botocore: listing, keys of any kind, and the credentials that people are logged in by."""

import errno
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import unquote_plus, urlsplit
from urllib.request import getproxies
from xml.etree import ElementTree

import botocore.client
import botocore.config
import botocore.exceptions
import botocore.loaders
import botocore.session

from storeff.sources.object_client import Access, Listed, Meter, quoted
from storeff.sources.object_errors import answered

# Botocore asks for credentials again some minutes before they expire; obstore, which does so five
# minutes before, is told that they last a little longer than that.
_RENEW_SECONDS = 360.0
KNOCK_SECONDS = 5.0
_ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_NO_PAGE = b"<ListBucketResult/>"


class S3Api:
    """A bucket of S3, or of a server that speaks it. Methods raise OSError.

    The endpoint is the one given, else that of the environment or of the profile
    (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, endpoint_url), else Amazon's.
    """

    def __init__(self, bucket: str, access: Access, region: str | None, meter: Meter) -> None:
        self.bucket = bucket
        self.meter = meter
        try:
            session = botocore.session.Session()
            session.register_component("data_loader", _models())
            profile = session.get_scoped_config()
            self.endpoint = (
                access.endpoint
                or os.environ.get("AWS_ENDPOINT_URL_S3")
                or os.environ.get("AWS_ENDPOINT_URL")
                or profile.get("endpoint_url")
            )
            skips = os.environ.get("AWS_SKIP_SIGNATURE", "").lower() in ("1", "true", "yes")
            self.credentials = None if skips else session.get_credentials()
            if self.credentials is None and not skips:
                raise botocore.exceptions.NoCredentialsError
            config = botocore.config.Config(
                signature_version=botocore.UNSIGNED if skips else None,
                retries={"mode": "standard", "total_max_attempts": access.retries + 1},
                connect_timeout=min(5.0, access.answer_seconds),
                read_timeout=access.answer_seconds,
                max_pool_connections=64,
                s3={"addressing_style": "path"} if self.endpoint else None,
            )
            region = region or session.get_config_variable("region") or "us-east-1"
            self.client: Any = session.create_client(
                "s3",
                region_name=region,
                endpoint_url=self.endpoint,
                config=config,
            )
        except (botocore.exceptions.BotoCoreError, ValueError) as error:
            raise _told(error) from error
        self.region: str = self.client.meta.region_name
        self.client.meta.events.register("before-parse.s3.ListObjectsV2", _keep_page)

    def knock(self) -> None:
        """As ``Bucket.knock``. Behind a proxy nothing can be told."""
        at = urlsplit(self.client.meta.endpoint_url)
        if getproxies().keys() & {"http", "https", "all"}:
            return
        try:
            port = at.port or (80 if at.scheme == "http" else 443)
            socket.create_connection((at.hostname or "", port), KNOCK_SECONDS).close()
        except (OSError, ValueError) as error:
            raise OSError(errno.ECONNREFUSED, f"nothing answers at {at.geturl()}") from error

    def pages(self, prefix: str, after: str = "") -> Iterator[list[Listed]]:
        """As ``Bucket.pages``."""
        asked: dict[str, Any] = {"Bucket": self.bucket, "Prefix": prefix}
        if after:
            asked["StartAfter"] = after
        token: str | None = None
        while True:
            self.meter.lists()
            try:
                answer = self.client.list_objects_v2(
                    **asked, **({"ContinuationToken": token} if token else {})
                )
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
                raise _told(error) from error
            region = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
            self.region = region or self.region
            page, token = parsed(answer["Page"])
            yield page
            if not token:
                return

    def look(self, key: str) -> Listed | None:
        """As ``Bucket.look``."""
        self.meter.gets()
        try:
            found = self.client.head_object(Bucket=self.bucket, Key=key)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            told = _told(error)
            if told.errno == errno.ENOENT:
                return None
            raise told from error
        archived = found.get("StorageClass") in _ARCHIVED
        return Listed(key, found["ContentLength"], quoted(found.get("ETag")), archived)

    def fetch(self, key: str, etag: str, start: int, end: int) -> tuple[memoryview, str]:
        """Bytes [start, end) of the object ``key`` with ``etag``, and the tag that it has."""
        try:
            key.encode()
        except UnicodeEncodeError as error:
            raise OSError(errno.EILSEQ, "its key is not UTF-8") from error
        asked = {"IfMatch": etag} if etag else {}
        try:
            found = self.client.get_object(
                Bucket=self.bucket, Key=key, Range=f"bytes={start}-{end - 1}", **asked
            )
            return memoryview(found["Body"].read()), quoted(found.get("ETag"))
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise _told(error) from error

    def for_obstore(self) -> tuple[dict[str, Any], bool]:
        """What makes obstore reach the same bucket as the same user; and whether without TLS."""
        config: dict[str, Any] = {"region": self.region}
        if self.endpoint:
            config["endpoint"] = self.endpoint.rstrip("/")
        # The names of buckets with dots are in no certificate.
        virtual = not self.endpoint and "." not in self.bucket
        config["virtual_hosted_style_request"] = virtual
        if self.credentials is None:
            config["skip_signature"] = True
        else:
            config["credential_provider"] = self.provided
        return config, bool(self.endpoint and self.endpoint.startswith("http://"))

    def provided(self) -> dict[str, Any]:
        """The credentials, for obstore."""
        assert self.credentials is not None
        frozen = self.credentials.get_frozen_credentials()
        renews = hasattr(self.credentials, "refresh_needed")
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + timedelta(seconds=_RENEW_SECONDS) if renews else None,
        }


@cache
def _models() -> Any:
    """What botocore knows of services, which takes a fifth of a second to load."""
    return botocore.loaders.create_loader(os.environ.get("AWS_DATA_PATH"))


def _keep_page(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    """Keep a page from botocore's parser, which takes 58 ms for 1,000 keys where the standard
    library's takes 4 (2026-11-26)."""
    if response_dict["status_code"] == 200:
        customized_response_dict["Page"] = response_dict["body"]
        response_dict["body"] = _NO_PAGE


def parsed(document: bytes) -> tuple[list[Listed], str | None]:
    """A page, and what asks for the next, if there is one."""
    try:
        root = ElementTree.fromstring(document)
        named = [(_name(each), each) for each in root]
        encoded = any(name == "EncodingType" and each.text == "url" for name, each in named)

        def decoded(text: str | None) -> str:
            return unquote_plus(text or "", errors="surrogateescape") if encoded else text or ""

        objects, token = list[Listed](), None
        for name, each in named:
            if name == "Contents":
                of = {_name(field): field.text for field in each}
                objects.append(
                    Listed(
                        decoded(of["Key"]),
                        int(of["Size"] or ""),
                        quoted(of.get("ETag")),
                        of.get("StorageClass") in _ARCHIVED,
                    )
                )
            elif name == "NextContinuationToken":
                token = each.text
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise OSError(errno.EBADMSG, "the store gives a listing that cannot be read") from error
    return objects, token


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _told(error: Exception) -> OSError:
    """The error that ``error`` of botocore is."""
    if isinstance(error, botocore.exceptions.ClientError):
        answer = error.response
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        code, message = answer["Error"].get("Code", ""), answer["Error"].get("Message", "")
        return answered(status, "" if code.isdigit() else code, message)
    if isinstance(
        error,
        botocore.exceptions.NoCredentialsError
        | botocore.exceptions.PartialCredentialsError
        | botocore.exceptions.CredentialRetrievalError,
    ):
        return OSError(errno.EKEYREVOKED, str(error))
    if isinstance(error, botocore.exceptions.TokenRetrievalError):
        return OSError(errno.EKEYEXPIRED, str(error))
    return answered(None, "", str(error))
