"""A small server that speaks as much of Azure Blob Storage as reading a container takes."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT"


@dataclass
class Container:
    """Blobs, and how often each was written: their entity tags, which are listed without quotes;
    and the names after which a page was asked for."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    page_keys: int = 5000
    pages: list[str] = field(default_factory=list)
    url: str = ""

    def put(self, key: str, content: bytes) -> None:
        self.blobs[key] = content
        self.versions[key] = self.versions.get(key, 0) + 1

    def etag(self, key: str) -> str:
        return f"0x{self.versions[key]:08X}"


@contextmanager
def serving(container: Container) -> Iterator[Container]:
    class Handler(_Handler):
        of = container

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    container.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield container
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 20
    of: Container

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        words = dict(parse_qsl(url.query))
        if words.get("comp") == "list":
            return self.answer(200, self.listing(words.get("prefix", ""), words.get("marker", "")))
        key = unquote(url.path.split("/", 2)[2])
        if key not in self.of.blobs:
            return self.answer(404, b"<Error><Code>BlobNotFound</Code></Error>")
        tag = f'"{self.of.etag(key)}"'
        if self.headers.get("If-Match") not in (None, tag):
            return self.answer(412, b"<Error><Code>ConditionNotMet</Code></Error>")
        headers = {"ETag": tag, "Last-Modified": _MODIFIED}
        content, wanted = self.of.blobs[key], self.headers.get("Range")
        if wanted is None:
            return self.answer(200, content, headers)
        start, end = (int(each) for each in wanted.removeprefix("bytes=").split("-"))
        body = content[start : end + 1]
        headers["Content-Range"] = f"bytes {start}-{start + len(body) - 1}/{len(content)}"
        return self.answer(206, body, headers)

    def listing(self, prefix: str, after: str) -> bytes:
        self.of.pages.append(after)
        keys = sorted(key for key in self.of.blobs if key.startswith(prefix) and key > after)
        page = keys[: self.of.page_keys]
        blobs = "".join(
            f"<Blob><Name>{escape(key)}</Name><Properties><Last-Modified>{_MODIFIED}"
            f"</Last-Modified><Etag>{self.of.etag(key)}</Etag>"
            f"<Content-Length>{len(self.of.blobs[key])}</Content-Length>"
            "<Content-Type>a/b</Content-Type></Properties></Blob>"
            for key in page
        )
        marker = escape(page[-1]) if len(page) < len(keys) else ""
        return (
            '<?xml version="1.0"?><EnumerationResults><Blobs>'
            f"{blobs}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
        ).encode()

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
