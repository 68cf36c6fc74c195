"""A small server that speaks S3: what storeff asks of one, and every way in which one can fail.

ListObjectsV2 with prefixes, pages, what to start after and URL encoding; HEAD; GET of ranges, on
condition. Google's XML interface is the same to who lists and reads.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit
from xml.sax.saxutils import escape

# What a request for an object may come to instead of an answer: "slow-down" is 503, "cut" a body
# that ends too early, "short" a shorter one, "unheeded" a changed object given all the same.
Fault = Literal[
    "slow-down", "cut", "short", "late", "refused", "unheeded", "archived", "no-listing"
]
LATE_SECONDS = 1.5


@dataclass
class Stored:
    content: bytes
    storage_class: str = "STANDARD"
    version: int = 0
    written: str = "2026-01-01T00:00:00.000Z"

    @property
    def etag(self) -> str:
        return f'"{md5(self.content).hexdigest()}-{self.version}"'


@dataclass
class S3:
    """What is stored, how it fails, what was asked, and after what listings ``started``. ``faults``
    are spent one a request; after keys that begin with ``closed`` nothing is listed."""

    buckets: dict[str, dict[str, Stored]] = field(default_factory=lambda: {"bucket": {}})
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    page_keys: int = 1000
    token: str | None = None
    is_public: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    closed: str | None = None
    sent_bytes: int = 0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, key: str, content: bytes, bucket: str = "bucket", **more: str) -> None:
        """Store an object, or another version of it."""
        before = self.buckets[bucket].get(key)
        version = 0 if before is None else before.version + 1
        self.buckets[bucket][key] = Stored(content, version=version, **more)

    @property
    def parts(self) -> list[str]:
        """Texts after which listings started twice: who looked for a cut, and who listed the part
        behind it."""
        return [text for text, times in Counter(self.started).items() if text and times > 1]

    def requests(self, kind: str) -> list[str]:
        """The keys of all requests of a ``kind``: LIST, HEAD or GET."""
        return [key for asked, key in self.asked if asked == kind]

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to come here, and to find nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def serving(store: S3 | None = None) -> Iterator[S3]:
    """``store`` behind a server of this machine."""
    made = S3() if store is None else store

    class Handler(_Handler):
        s3 = made

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet, or a client's delayed acknowledgement takes 40 ms.
    wbufsize = 1 << 20
    s3: S3

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests look at what was ``asked``."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        _, bucket, *rest = [*url.path.split("/", 2), ""]
        bucket, key = unquote(bucket), unquote(rest[0])
        words = dict(parse_qsl(url.query, keep_blank_values=True))
        kind = "LIST" if "list-type" in words else self.command
        with self.s3.lock:
            self.s3.asked.append((kind, words.get("prefix", "") if kind == "LIST" else key))
        if not self.s3.is_public and "Authorization" not in self.headers:
            return self.fail(403, "AccessDenied")
        if self.s3.token and self.headers.get("X-Amz-Security-Token") != self.s3.token:
            return self.fail(400, "ExpiredToken")
        if bucket not in self.s3.buckets:
            return self.fail(404, "NoSuchBucket")
        objects = self.s3.buckets[bucket]
        if kind == "LIST":
            return self.list(objects, words)
        with self.s3.lock:
            faults = self.s3.faults.get(key)
            fault = faults.pop(0) if faults and kind == "GET" else None
        if key not in objects:
            return self.fail(404, "NoSuchKey")
        return self.give(objects[key], fault)

    def list(self, objects: dict[str, Stored], words: dict[str, str]) -> None:
        with self.s3.lock:
            faults = self.s3.faults.get("")
            fault = faults.pop(0) if faults else None
        if fault == "no-listing":
            of = b"<ListBucketResult><Contents><Size>many</Size></Contents></ListBucketResult>"
            self.answer(200, of)
            return
        if fault is not None:
            status, code = (503, "SlowDown") if fault == "slow-down" else (403, "AccessDenied")
            self.fail(status, code)
            return
        encoded = words.get("encoding-type") == "url"
        prefix, token = words.get("prefix", ""), words.get("continuation-token", "")
        if not token:
            with self.s3.lock:
                self.s3.started.append(words.get("start-after", ""))
        # A token is the key that was shown last.
        after = max(
            unquote(token, errors="surrogateescape"), words.get("start-after", ""), key=_order
        )
        if self.s3.closed is not None and after.startswith(self.s3.closed):
            self.fail(403, "AccessDenied")
            return
        shown: list[str] = []
        for key in sorted(objects, key=_order):
            if not key.startswith(prefix) or _order(key) <= _order(after):
                continue
            if len(shown) == self.s3.page_keys:
                token = quote(after, errors="surrogateescape")
                break
            after = key
            name = quote_plus(key, "/", errors="surrogateescape") if encoded else escape(key)
            one = objects[key]
            shown.append(
                f"<Contents><Key>{name}</Key><LastModified>{one.written}</LastModified>"
                f"<ETag>{escape(one.etag)}</ETag><Size>{len(one.content)}</Size>"
                f"<StorageClass>{one.storage_class}</StorageClass></Contents>"
            )
        else:
            token = ""
        body = "".join(shown) + f"<IsTruncated>{str(bool(token)).lower()}</IsTruncated>"
        if token:
            body += f"<NextContinuationToken>{escape(token)}</NextContinuationToken>"
        if encoded:
            body += "<EncodingType>url</EncodingType>"
        self.answer(
            200,
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"{body}</ListBucketResult>".encode(),
        )

    def give(self, one: Stored, fault: Fault | None) -> None:
        if fault == "slow-down":
            return self.fail(503, "SlowDown")
        if fault == "refused":
            return self.fail(403, "AccessDenied")
        if fault == "late":
            time.sleep(LATE_SECONDS)
        if fault == "archived" or (one.storage_class == "GLACIER" and self.command == "GET"):
            return self.fail(403, "InvalidObjectState")
        condition = self.headers.get("If-Match")
        if condition not in (None, one.etag) and fault != "unheeded":
            return self.fail(412, "PreconditionFailed")
        headers = {"ETag": one.etag, "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        if one.storage_class != "STANDARD":
            headers["x-amz-storage-class"] = one.storage_class
        size, wanted = len(one.content), self.headers.get("Range")
        if wanted is None:
            return self.answer(200, one.content, headers)
        start, end = (int(each) for each in wanted.removeprefix("bytes=").split("-"))
        if start >= size:
            return self.fail(416, "InvalidRange")
        end = min(end + 1, size)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        body = one.content[start:end]
        if fault == "short":
            body = body[: len(body) // 2]
        return self.answer(206, body, headers, len(body) // 2 if fault == "cut" else None)

    def fail(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>by the test</Message></Error>"
        self.answer(status, body.encode())

    def answer(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        cut_to: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            with self.s3.lock:
                self.s3.sent_bytes += len(body)
            self.wfile.write(body if cut_to is None else body[:cut_to])
        self.close_connection = cut_to is not None


def _order(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")
