"""The source that names stand for: local files, or object stores."""

import os
from collections.abc import Iterable, Sequence

from storeff.errors import UsageError
from storeff.sources.object_client import Access
from storeff.sources.object_store import ObjectStores
from storeff.sources.object_url import is_url
from storeff.sources.source import Source
from storeff.sources.tree import LocalTree

Name = str | bytes | os.PathLike[str]


def source_of(
    sources: Name | Iterable[Name] | Source,
    access: Access | None,
    exclude: Sequence[str],
    **tree: bool,
) -> tuple[Sequence[bytes], Source]:
    """The names of the roots, as they were given, and the source that they stand for: what is one,
    object stores, reached as ``access`` says, or files, by the arguments ``tree`` of LocalTree.

    Raises UsageError for what does not go together, and StoreffError as the sources do.
    """
    if isinstance(sources, Source):
        return sources.roots, sources
    roots = [sources] if isinstance(sources, str | bytes | os.PathLike) else list(sources)
    urls = [root for root in roots if isinstance(root, str) and is_url(root)]
    if not urls:
        if access is not None:
            raise UsageError("no source is in an object store", "name s3://bucket/prefix")
        files = LocalTree(roots, exclude=exclude, **tree)
        return [os.path.abspath(os.fsencode(root)) for root in roots], files
    if len(urls) < len(roots):
        raise UsageError(
            "local files and object stores cannot be measured in one scan",
            "scan them one after the other",
        )
    if any(tree.values()):
        raise UsageError("object stores have neither links nor file systems", "ask for neither")
    objects = ObjectStores(urls, access, exclude=exclude)
    return objects.roots, objects
