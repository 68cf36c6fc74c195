# Included by _native.pyx: features of chunks, and the sketch of groups of similar ones.

cdef extern from "similar.h" nogil:
    enum:
        SF_FEATURES
        SF_GROUP_MEMBERS
    uint64_t SF_RANKS
    ctypedef struct sf_features:
        uint64_t group
        uint32_t features[SF_FEATURES]
    int sf_features_of(const sf_kernel *kernel, const uint8_t *data, size_t bytes,
                       sf_features *features)
    ctypedef struct sf_member:
        pass
    ctypedef struct sf_similar:
        pass
    sf_error sf_similar_new(sf_similar **similar, size_t capacity, uint64_t seed)
    void sf_similar_free(sf_similar *similar)
    sf_error sf_similar_merge(sf_similar *similar, const sf_member *members, size_t count,
                               uint64_t tau)
    const sf_member *sf_similar_members(sf_similar *similar, size_t *count, uint64_t *tau)
    const uint64_t *sf_similar_files(sf_similar *similar, size_t *count)
    sf_error sf_set_similar(sf_scanner *scanner, size_t chunker, sf_similar *similar)

# The layout of sf_member.
MEMBER_FIELDS = [
    ("rank", "u8"), ("group", "u8"), ("key", "u8", 2), ("size", "u8"), ("count", "u8"),
    ("beyond", "u8"), ("file", "u8"), ("offset", "u8"), ("features", "u4", SF_FEATURES),
]
_check_layout("sf_member", MEMBER_FIELDS, sizeof(sf_member))
GROUP_RANKS = SF_RANKS
GROUP_MEMBERS_MAX = SF_GROUP_MEMBERS


def features(const uint8_t[::1] data not None, str kernel="scalar"):
    cdef const sf_kernel *chosen = _kernel(kernel)
    cdef const uint8_t *start = _start(data)
    cdef size_t length = <size_t>data.shape[0]
    cdef sf_features found
    cdef int any_sample
    with nogil:
        any_sample = sf_features_of(chosen, start, length, &found)
    if not any_sample:
        return None
    return found.group, _records("u4", found.features, SF_FEATURES)


cdef class Similar:
    cdef sf_similar *_similar

    def __cinit__(self, capacity, seed):
        _check(
            sf_similar_new(
                &self._similar, _unsigned(capacity, "capacity"), _unsigned(seed, "seed")
            )
        )

    def __dealloc__(self):
        sf_similar_free(self._similar)

    def merge(self, members, tau):
        import numpy as np

        cdef uint64_t below = _unsigned(tau, "tau", GROUP_RANKS)
        cdef size_t count = <size_t>len(members)
        cdef const sf_member *first = NULL
        cdef const uint8_t[::1] raw
        cdef sf_error error
        if members.dtype != np.dtype(MEMBER_FIELDS) or members.ndim != 1:
            raise ValueError("members must come from export()")
        if count:
            raw = np.ascontiguousarray(members).view(np.uint8)
            first = <const sf_member *>&raw[0]
        with nogil:
            error = sf_similar_merge(self._similar, first, count, below)
        _check(error)

    def export(self):
        cdef size_t count
        cdef uint64_t tau
        cdef const sf_member *members
        with nogil:
            members = sf_similar_members(self._similar, &count, &tau)
        return _records(MEMBER_FIELDS, members, count), tau

    def new_files(self):
        cdef size_t count, i
        cdef const uint64_t *files = sf_similar_files(self._similar, &count)
        return [files[i] for i in range(count)]
