"""What a walk meets and does not measure: skipped (a loss) or ignored (no loss, or asked for)."""

import errno

import msgspec

# What a person can do about each reason to skip. The keys are part of the report's format.
REMEDIES = {
    "archived": "restore it from the archive, then scan again, or leave it out",
    "automount": "list the directory first so that it is mounted, then scan again",
    "bad-name": "copy it to a key without empty parts, '..' or control characters, then scan again",
    "busy": "scan again when no other program holds the file, or scan a snapshot",
    "changed": "scan a snapshot, renew the inventory, or scan when nothing writes there",
    "credentials": "log in again, or renew the credentials, then scan again",
    "device": "mount the file system of the block device and scan that, or copy it to a file",
    "interrupted": "scan again and let it finish",
    "io-error": "check the drive and the kernel log, then scan again",
    "killed-worker": "scan this file alone to see why what reads it ends, or exclude it",
    "link-outside": "scan the folder that it leads to as well, or follow no links",
    "links-only": "scan the folder shown too, and follow links: only links to there are here",
    "locked": "unlock the encrypted directory, then scan again",
    "malformed": "write the file again, or exclude it: its header is not true",
    "other-error": "read the file by hand to see the system's error, then scan again",
    "out-of-memory": "free memory on this machine, then scan again",
    "permission": "scan as a user who may read it, or exclude it",
    "pseudo-filesystem": "leave it out: the kernel makes these files up, none is stored",
    "shard-missing": "run the shards that are missing, then merge again with their parts",
    "stale": "mount the network file system again, then scan again",
    "task-failed": "scan this file alone to see the error, or exclude it",
    "throttled": "ask for fewer requests a second, or scan at a quieter time",
    "through-link": "list it by its path without symbolic links (realpath), then scan again",
    "too-long-header": "save fewer tensors a file: no header of over 8 MiB, or of more than some "
    "20,000 tensors, is read",
    "too-long-path": "move it further up: sources of up to 4,095 bytes and paths of 1 MiB are read",
    "too-many-open-files": "raise the limit (ulimit -n), then scan again",
    "unreachable": "check the network and the server, then scan again",
    "vanished": "scan a snapshot, correct the list, or scan when nothing deletes there",
}

# What each reason to ignore means. The keys are part of the report's format.
MEANINGS = {
    "bind-mount": "mounted again at a further place; measured once, for all sources that show it",
    "character-device": "it stores no bytes",
    "directory": "a directory in a list of files; what is in it is measured where it is listed",
    "directory-object": "an empty object that stands for a folder; it stores no bytes",
    "duplicate-root": "the same place was named twice; it is measured once",
    "excluded": "excluded, as was asked",
    "fifo": "it stores no bytes",
    "followed-link": "a symbolic link, which was followed: a further name of what is measured once",
    "followed-root": "named through a symbolic link, which was followed",
    "hard-link": "a further name of a file that is measured once, for all sources that name it",
    "link-outside": "a symbolic link out of the sources, not followed: scan what it leads to too",
    "listed-again": "a name that the list holds more than once; it is measured once",
    "loop": "a directory inside itself; it is measured once",
    "nested-root": "a root of its own inside another root; it is measured once",
    "other-file-system": "another file system, left out as was asked",
    "overlay-mount": "an overlay of directories of the sources; measured once, where these are",
    "pseudo-filesystem": "the kernel makes these files up, none is stored",
    "socket": "it stores no bytes",
    "symlink": "a symbolic link, not followed: files that it leads to are measured where they are",
}

_ERRNOS = {
    # Some of these numbers are given by storeff.sources.object_errors alone.
    "archived": (errno.EREMOTE,),
    "bad-name": (errno.EILSEQ,),
    "busy": (errno.EAGAIN, errno.EBUSY, errno.ETXTBSY),
    "changed": (errno.ELOOP, errno.ENOTDIR, errno.ENXIO),
    "credentials": (errno.EKEYEXPIRED, errno.EKEYREJECTED, errno.EKEYREVOKED),
    "io-error": (errno.EIO, errno.EUCLEAN, errno.EBADMSG, errno.EREMOTEIO, errno.ENODATA),
    "locked": (errno.ENOKEY,),
    "out-of-memory": (errno.ENOMEM,),
    "permission": (errno.EACCES, errno.EPERM),
    "stale": (errno.ESTALE,),
    "throttled": (errno.EDQUOT,),
    "too-long-path": (errno.ENAMETOOLONG,),
    "too-many-open-files": (errno.EMFILE, errno.ENFILE),
    "unreachable": (
        *(errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH),
        *(errno.ENOTCONN, errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED),
        errno.ENODEV,
    ),
    "vanished": (errno.ENOENT,),
}
_REASONS = {number: reason for reason, numbers in _ERRNOS.items() for number in numbers}


class NotMeasured(msgspec.Struct, frozen=True):
    """What has the full name ``path`` is not measured. ``size_bytes`` is None if unknown."""

    reason: str
    path: bytes
    size_bytes: int | None


class Skipped(NotMeasured, frozen=True):
    """It should have been measured; ``reason`` is a key of REMEDIES.

    ``size_bytes`` is what is missing from the measurement: 0 if it stores nothing.
    """


class Ignored(NotMeasured, frozen=True):
    """It is left out without loss or by request; ``reason`` is a key of MEANINGS.

    ``size_bytes`` is its apparent size.
    """


class ChangedError(OSError):
    """What was found at a path is no longer there, or no longer the same."""


def skipped_for(error: OSError, path: bytes, size_bytes: int | None) -> Skipped:
    """The Skipped that reports ``error`` on ``path``. Every OSError has a reason."""
    if isinstance(error, ChangedError):
        return Skipped("changed", path, size_bytes)
    return Skipped(_REASONS.get(error.errno or 0, "other-error"), path, size_bytes)
