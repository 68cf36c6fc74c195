"""Mounted file systems, from /proc/self/mountinfo (proc(5), section 3.5)."""

import os
import re

import msgspec

from storeff.errors import StoreffError

# Kinds of file system that are not walked. tmpfs and ramfs hold real data and are not here.
REFUSED_TYPES = {
    "autofs": "automount",
    "binfmt_misc": "pseudo-filesystem",
    "bpf": "pseudo-filesystem",
    "cgroup": "pseudo-filesystem",
    "cgroup2": "pseudo-filesystem",
    "configfs": "pseudo-filesystem",
    "debugfs": "pseudo-filesystem",
    "devpts": "pseudo-filesystem",
    "devtmpfs": "pseudo-filesystem",
    "efivarfs": "pseudo-filesystem",
    "fusectl": "pseudo-filesystem",
    "hugetlbfs": "pseudo-filesystem",
    "mqueue": "pseudo-filesystem",
    "nfsd": "pseudo-filesystem",
    "nsfs": "pseudo-filesystem",
    "proc": "pseudo-filesystem",
    "pstore": "pseudo-filesystem",
    "rpc_pipefs": "pseudo-filesystem",
    "securityfs": "pseudo-filesystem",
    "selinuxfs": "pseudo-filesystem",
    "sysfs": "pseudo-filesystem",
    "tracefs": "pseudo-filesystem",
}


class Mounts(msgspec.Struct, frozen=True):
    """The type of the file system on each mount point, and on each device (st_dev)."""

    type_by_point: dict[bytes, str]
    type_by_device: dict[int, str]


def parse_mounts(text: bytes) -> Mounts:
    """The mounts in ``text``, the contents of a mountinfo file. The topmost mount of a point wins.

    Raises ValueError on a line that is no mountinfo line.
    """
    by_point: dict[bytes, str] = {}
    by_device: dict[int, str] = {}
    for line in text.splitlines():
        mount, dash, source = line.partition(b" - ")
        fields = mount.split(b" ")
        if not dash or len(fields) < 6:
            raise ValueError(f"not a mountinfo line: {line!r}")
        major, minor = map(int, fields[2].split(b":"))
        kind = source.split(b" ")[0].decode("ascii", "replace")
        # Space, tab, newline and backslash are written as three octal digits.
        point = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), fields[4])
        by_point[point] = by_device[os.makedev(major, minor)] = kind
    return Mounts(by_point, by_device)


def read_mounts() -> Mounts:
    """The mounts this process sees. Raises StoreffError without a readable /proc."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            return parse_mounts(file.read())
    except OSError as error:
        raise StoreffError(
            f"/proc/self/mountinfo cannot be read ({error.strerror}), "
            "so pseudo file systems cannot be told from stored data",
            "mount /proc",
        ) from error
