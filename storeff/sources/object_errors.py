"""What object stores answer when they do not give what was asked for, as OSErrors with the numbers
that ``skipped_for`` knows, and as errors for people before anything is read."""

import errno
import re

from storeff.errors import StoreffError
from storeff.sources.skipped import ChangedError
from storeff.text import excerpt

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)")

# By the code in the answer, which says more than the status does.
_NUMBERS_OF_CODES = {
    "AccessDenied": errno.EACCES,
    "AllAccessDisabled": errno.EACCES,
    "ExpiredToken": errno.EKEYEXPIRED,
    "ExpiredTokenException": errno.EKEYEXPIRED,
    "InvalidAccessKeyId": errno.EKEYREJECTED,
    "InvalidObjectState": errno.EREMOTE,
    "InvalidToken": errno.EKEYREJECTED,
    "NoSuchBucket": errno.ENOENT,
    "NoSuchKey": errno.ENOENT,
    "RequestTimeTooSkewed": errno.EKEYREJECTED,
    "SignatureDoesNotMatch": errno.EKEYREJECTED,
    "SlowDown": errno.EDQUOT,
    "TokenRefreshRequired": errno.EKEYEXPIRED,
}
_NUMBERS_OF_STATUS = {
    401: errno.EKEYREJECTED,
    403: errno.EACCES,
    404: errno.ENOENT,
    429: errno.EDQUOT,
    503: errno.EDQUOT,
}
# The object is not the one that was listed, or is shorter.
_CHANGED = (412, 416)

_REMEDIES = {
    errno.EACCES: "ask for the permissions to list the bucket and to get its objects, or "
    "use other credentials",
    errno.EDQUOT: "ask for fewer requests a second, or scan at a quieter time",
    errno.EKEYEXPIRED: "log in again, or renew the credentials",
    errno.EKEYREJECTED: "check the access key, the secret, the endpoint and this machine's clock",
    errno.ENOENT: "check the spelling, and that the endpoint is the one that has the bucket",
    errno.EKEYREVOKED: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or "
    "AWS_SKIP_SIGNATURE=true for what is public",
}
_REMEDY = "check the endpoint and the network"


def answered(status: int | None, code: str, message: str) -> OSError:
    """The error that a store's answer of ``status`` and ``code`` is."""
    said = f"{code}: {excerpt(message)}" if code else excerpt(message)
    if status in _CHANGED or code in ("PreconditionFailed", "InvalidRange"):
        return ChangedError(errno.ESTALE, "changed since it was listed")
    number = _NUMBERS_OF_CODES.get(code) or _NUMBERS_OF_STATUS.get(status or 0)
    if number is None:
        # No answer, or that of a server that cannot: it was asked several times.
        number = errno.ECONNABORTED if status is None or status >= 500 else errno.EREMOTEIO
    return OSError(number, said)


def told(error: Exception) -> OSError:
    """The error that ``error`` of obstore is: its text alone says what was answered."""
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, "no such object")
    if type(error).__name__ == "InvalidPathError":
        return OSError(errno.EILSEQ, "a key that its client does not list")
    text = str(error).split("\n\n", 1)[0]
    status, code, message = (each.search(text) for each in (_STATUS, _CODE, _MESSAGE))
    return answered(
        int(status[1]) if status else None,
        code[1] if code else "",
        message[1] if message else text,
    )


def refused(place: str, error: OSError) -> StoreffError:
    """What to tell a person who named ``place``, which cannot even be listed."""
    what = error.strerror or str(error)
    return StoreffError(
        f"{excerpt(place)} cannot be scanned: {what}", _REMEDIES.get(error.errno or 0, _REMEDY)
    )
