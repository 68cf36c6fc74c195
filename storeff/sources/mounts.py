"""Mounted file systems, from /proc/self/mountinfo (proc(5), section 3.5)."""

import os
import re
from collections.abc import Iterable

import msgspec

from storeff.errors import StoreffError

# Types of file system that are not walked, and why. tmpfs and ramfs hold real data: not here.
_PSEUDO_TYPES = (
    *("binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs"),
    *("efivarfs", "fusectl", "hugetlbfs", "mqueue", "nfsd", "nsfs", "proc", "pstore"),
    *("rpc_pipefs", "securityfs", "selinuxfs", "sysfs", "tracefs"),
)
SKIPPED_TYPES = {"autofs": "automount", **dict.fromkeys(_PSEUDO_TYPES, "pseudo-filesystem")}


class Mount(msgspec.Struct, frozen=True):
    """One mount: the directory or file ``root`` of the file system ``device`` (st_dev), of type
    ``kind``, is seen at the path ``point``. ``options`` are those of the file system."""

    point: bytes
    root: bytes
    device: int
    kind: str
    options: bytes = b""


class Mounts:
    """The mounts that are seen, the topmost of each point, in the order of mountinfo."""

    def __init__(self, mounts: Iterable[Mount]) -> None:
        listed = list(mounts)
        self.by_point = {mount.point: mount for mount in listed}
        types = {mount.device: mount.kind for mount in listed}
        self.skipped_devices = {d: kind for d, kind in types.items() if kind in SKIPPED_TYPES}

    def type_at(self, point: bytes) -> str | None:
        """The type of the file system that is mounted on ``point``; None if none is."""
        mount = self.by_point.get(point)
        return None if mount is None else mount.kind

    def mount_of(self, path: bytes) -> Mount | None:
        """The mount through which the absolute ``path`` is seen."""
        while path not in self.by_point and path != b"/":
            path = os.path.dirname(path)
        return self.by_point.get(path)


# Mount id, parent id, device, root, mount point, options, any number of optional fields, a dash,
# type, source (which may be empty), options of the file system. Devices have 12 and 20 bits.
_LINE = re.compile(
    rb"[0-9]+ [0-9]+ ([0-9]{1,4}):([0-9]{1,7}) ([^ ]+) ([^ ]+) [^ ]+(?: [^ ]+)*? - ([^ ]+)"
    rb"(?: [^ ]*)?(?: ([^ ]*))?"
)
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")


def parse_mounts(text: bytes) -> Mounts:
    """The mounts in ``text``, the contents of a mountinfo file.

    Lines end at a newline alone: the names in them may hold any other control character. One that
    is no mountinfo line costs only itself: the file system that it describes is walked as a
    directory is.
    """
    matches = map(_LINE.match, text.split(b"\n"))
    return Mounts(_mount(match) for match in matches if match is not None)


def _mount(match: re.Match[bytes]) -> Mount:
    return Mount(
        point=unescaped(match[4]),
        root=unescaped(match[3]),
        device=os.makedev(int(match[1]), int(match[2])),
        kind=match[5].decode("ascii", "replace"),
        options=match[6] or b"",
    )


def unescaped(field: bytes) -> bytes:
    """``field`` of mountinfo, in which spaces, newlines and the like are three octal digits."""
    return _ESCAPE.sub(lambda digits: bytes([int(digits[1], 8)]), field)


def overlay_layers(mount: Mount) -> list[bytes]:
    """The directories that an overlay shows as one, the uppermost first, as its mounter named them.

    They may be relative to where that was, or seen by it alone (Documentation/filesystems/
    overlayfs.rst).
    """
    upper: list[bytes] = []
    lower: list[bytes] = []
    for option in mount.options.split(b","):
        key, _, value = option.partition(b"=")
        value = unescaped(value)
        if key == b"upperdir":
            upper.append(value)
        elif key == b"lowerdir":
            # Colons are between directories, unless escaped.
            lower += [re.sub(rb"\\(.)", rb"\1", d) for d in re.split(rb"(?<!\\):", value)]
        elif key in (b"lowerdir+", b"datadir+"):
            lower.append(value)
    return [directory for directory in [*upper, *lower] if directory]


def read_mounts() -> Mounts:
    """The mounts this process sees. Raises StoreffError without a readable /proc."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            return parse_mounts(file.read())
    except OSError as error:
        raise StoreffError(
            f"/proc/self/mountinfo cannot be read ({error.strerror}), "
            "so pseudo file systems cannot be distinguished from stored data",
            "mount /proc",
        ) from error
