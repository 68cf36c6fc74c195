"""The source that names stand for: local files, or object stores."""

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from storeff.errors import UsageError
from storeff.sources.object_client import Access
from storeff.sources.object_url import is_url
from storeff.sources.source import Source
from storeff.sources.tree import LocalTree

if TYPE_CHECKING:
    from storeff.sources.name_list import NameList

Name = str | bytes | os.PathLike[str]


def source_of(
    sources: Name | Iterable[Name] | Source,
    access: Access | None,
    exclude: Sequence[str],
    *,
    one_file_system: bool = False,
    follow_links: bool = False,
) -> tuple[Sequence[bytes], Source]:
    """The names of the roots, as they were given, and the source that they stand for: what is one,
    object stores, reached as ``access`` says, or files, by the arguments of LocalTree.

    Raises UsageError for what does not go together, and StoreffError as the sources do.
    """
    if isinstance(sources, Source):
        return sources.roots, sources
    roots = [sources] if isinstance(sources, str | bytes | os.PathLike) else list(sources)
    urls = [root for root in roots if isinstance(root, str) and is_url(root)]
    if not urls:
        if access is not None:
            raise UsageError("no source is in an object store", "name s3://bucket/prefix")
        files = LocalTree(
            roots, one_file_system=one_file_system, exclude=exclude, follow_links=follow_links
        )
        return [os.path.abspath(os.fsencode(root)) for root in roots], files
    if len(urls) < len(roots):
        raise UsageError(
            "local files and object stores cannot be measured in one scan",
            "scan them one after the other",
        )
    _check_no_tree(one_file_system, follow_links)
    from storeff.sources.object_store import ObjectStores

    objects = ObjectStores(urls, access, exclude=exclude)
    return objects.roots, objects


def listed_source(
    names: "NameList",
    access: Access | None = None,
    *,
    exclude: Sequence[str] = (),
    one_file_system: bool = False,
    follow_links: bool = False,
) -> Source:
    """The files or objects of ``names``. The other arguments are those of ``source_of``, and so are
    the errors."""
    if not names.are_urls:
        if access is not None:
            raise UsageError("no name is in an object store", "list URLs such as s3://bucket/key")
        if follow_links:
            raise UsageError("links in a list are not followed", "list what they lead to")
        return LocalTree(
            [names.folder], one_file_system=one_file_system, exclude=exclude, names=names
        )
    _check_no_tree(one_file_system, follow_links)
    from storeff.sources.object_names import NamedObjects
    from storeff.sources.object_store import ObjectStores

    buckets = [f"{scheme}://{bucket}" for scheme, bucket in names.buckets]
    return ObjectStores(buckets, access, exclude=exclude, names=NamedObjects(names))


def inventoried_source(
    urls: Sequence[str],
    inventory: str,
    access: Access | None = None,
    *,
    exclude: Sequence[str] = (),
    one_file_system: bool = False,
    follow_links: bool = False,
) -> Source:
    """The objects at ``urls`` as the S3 Inventory with the manifest ``inventory``, a path or a URL,
    lists them. The other arguments are those of ``source_of``, and so are the errors."""
    if not urls or not all(map(is_url, urls)):
        raise UsageError(
            "an inventory lists a bucket", "name what to scan of it, such as s3://bucket/prefix"
        )
    _check_no_tree(one_file_system, follow_links)
    from storeff.sources.object_store import ObjectStores

    return ObjectStores(urls, access, exclude=exclude, inventory=inventory)


def _check_no_tree(one_file_system: bool, follow_links: bool) -> None:
    if one_file_system or follow_links:
        raise UsageError("object stores have neither links nor file systems", "ask for neither")
