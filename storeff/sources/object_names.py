"""Objects that a list names, each looked at by a request of its own."""

import errno
import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from storeff.sources.name_list import NameList
from storeff.sources.object_client import Bucket, Listed
from storeff.sources.object_listing import THREADS, Root
from storeff.sources.skipped import ChangedError, Ignored, Skipped, skipped_for

# Of the objects of a store: some of those of a root, or what is not measured.
FoundObjects = tuple[Root, Sequence[Listed]] | Skipped | Ignored


class NamedObjects:
    """The objects of ``names``."""

    def __init__(self, names: NameList) -> None:
        self.names = names

    def try_bucket(self, bucket: Bucket) -> None:
        """See that ``bucket`` answers. Raises OSError; what may not be read of it is no error.
        Raises UsageError if its first key is there, but for a carriage return."""
        key = self.names.buckets[bucket.scheme, bucket.name]
        bare = key.removesuffix("\r") if self.names.has_lines else key
        try:
            if bucket.look(key) is None:
                if bare not in ("", key) and bucket.look(bare) is not None:
                    raise self.names.returned(f"{bucket.scheme}://{bucket.name}/{bare}")
                next(bucket.pages(""), None)
        except OSError as error:
            if error.errno != errno.EACCES:
                raise

    def found(self, roots: Sequence[Root]) -> Iterator[FoundObjects]:
        """What becomes of each name, in their order."""
        by_bucket = {(root.bucket.scheme, root.bucket.name): root for root in roots}

        def look(name: tuple[bytes, bool]) -> tuple[Root, Listed] | Skipped | Ignored:
            url, is_again = name
            if is_again:
                return Ignored("listed-again", url, None)
            place = self.names.place(url)
            root = by_bucket[place.scheme, place.bucket]
            try:
                found = root.bucket.look(place.folder + (place.only or ""))
            except OSError as error:
                return skipped_for(error, url, None)
            return Skipped("vanished", url, None) if found is None else (root, found)

        names = self.names.read()
        with ThreadPoolExecutor(THREADS) as pool:
            while some := [*itertools.islice(names, 64 * THREADS)]:
                looked = [*pool.map(look, some)]
                yield from (each for each in looked if not isinstance(each, tuple))
                objects = [each for each in looked if isinstance(each, tuple)]
                for root, those in itertools.groupby(objects, lambda each: each[0]):
                    yield root, [listed for _, listed in those]
        if self.names.is_changed:
            yield skipped_for(ChangedError(), os.fsencode(self.names.path), None)
