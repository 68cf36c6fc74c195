# Replay of traces against caches (csrc/replay.h); part of _native.pyx.

cdef extern from "replay.h" nogil:
    ctypedef struct sf_prefixes:
        pass
    sf_error sf_prefixes_new(sf_prefixes **prefixes)
    void sf_prefixes_free(sf_prefixes *prefixes)
    size_t sf_prefixes_count(const sf_prefixes *prefixes)
    void sf_prefixes_ids(const sf_prefixes *prefixes, uint64_t *ids)
    sf_error sf_prefixes_add(sf_prefixes *prefixes, const uint64_t *ids, size_t blocks,
                             const int64_t *offsets, size_t requests, uint32_t *keys)

    ctypedef struct sf_trace:
        const int64_t *times_ms
        const int64_t *offsets
        const uint32_t *keys
        const uint32_t *last_tokens
        size_t requests
        size_t blocks
        uint32_t unique
        uint32_t block_tokens
    ctypedef struct sf_reuse:
        uint32_t request
        uint32_t previous
        uint32_t blocks
    sf_error sf_reuses(const sf_trace *trace, uint32_t admission, sf_reuse *reuses, size_t room,
                       size_t *count, uint32_t *touched)
    ctypedef struct sf_curves:
        uint64_t *hit_blocks
        uint64_t *hit_tokens
        uint64_t *kept_blocks
        uint64_t *kept_tokens
    sf_error sf_lru(const sf_trace *trace, const sf_reuse *reuses, size_t count,
                    const uint32_t *touched, sf_curves curves)
    sf_error sf_live_peak(const sf_trace *trace, const sf_reuse *reuses, size_t count,
                          const uint32_t *touched, int64_t ttl_ms, uint64_t *peak_blocks,
                          uint64_t *peak_tokens)
    ctypedef struct sf_traffic:
        uint64_t hit_blocks
        uint64_t hit_tokens
        uint64_t written_blocks
        uint64_t written_tokens
    sf_error sf_fifo(const sf_trace *trace, uint64_t capacity, sf_traffic *traffic)

_REUSE_FIELDS = [("request", "u4"), ("previous", "u4"), ("blocks", "u4")]


cdef int _check_offsets(const int64_t[::1] offsets) except -1:
    if offsets.shape[0] < 1:
        raise ValueError("offsets must have one entry more than there are requests")
    return 0


cdef class PrefixKeys:
    cdef sf_prefixes *_prefixes
    cdef bint _busy

    def __cinit__(self):
        _check(sf_prefixes_new(&self._prefixes))

    def __dealloc__(self):
        sf_prefixes_free(self._prefixes)

    cdef sf_prefixes *_free(self) except NULL:
        """The keys, if no other thread is at them."""
        if self._busy:
            raise ValueError("another thread is using these keys")
        return self._prefixes

    def __len__(self):
        return sf_prefixes_count(self._free())

    def ids(self):
        import numpy as np

        cdef sf_prefixes *prefixes = self._free()
        array = np.empty(len(self), np.uint64)
        cdef uint64_t[::1] out = array
        if out.shape[0]:
            sf_prefixes_ids(prefixes, &out[0])
        return array

    def add(self, const uint64_t[::1] ids not None, const int64_t[::1] offsets not None):
        import numpy as np

        cdef sf_prefixes *prefixes = self._free()
        cdef size_t blocks = <size_t>ids.shape[0]
        _check_offsets(offsets)
        array = np.empty(blocks + 1, np.uint32)
        cdef uint32_t[::1] keys = array
        cdef const uint64_t *start = &ids[0] if blocks else NULL
        cdef sf_error error
        self._busy = True
        with nogil:
            error = sf_prefixes_add(prefixes, start, blocks, &offsets[0],
                                    <size_t>offsets.shape[0] - 1, &keys[0])
        self._busy = False
        _check(error)
        return array[:blocks]


cdef class Replay:
    cdef sf_trace _trace
    # The arrays that _trace points into.
    cdef tuple _arrays

    def __cinit__(
        self,
        const int64_t[::1] times_ms not None,
        const int64_t[::1] offsets not None,
        const uint32_t[::1] keys not None,
        const uint32_t[::1] last_tokens not None,
        object unique,
        object block_tokens,
    ):
        _check_offsets(offsets)
        cdef Py_ssize_t requests = offsets.shape[0] - 1
        if times_ms.shape[0] != requests or last_tokens.shape[0] != requests:
            raise ValueError("there must be one time and one last block for each request")
        self._arrays = (times_ms, offsets, keys, last_tokens)
        self._trace.requests = <size_t>requests
        self._trace.blocks = <size_t>keys.shape[0]
        self._trace.unique = <uint32_t>_unsigned(unique, "unique", 0xFFFF_FFFF)
        self._trace.block_tokens = <uint32_t>_unsigned(block_tokens, "block_tokens", 0xFFFF_FFFF)
        self._trace.offsets = &offsets[0]
        if requests:
            self._trace.times_ms = &times_ms[0]
            self._trace.last_tokens = &last_tokens[0]
        if keys.shape[0]:
            self._trace.keys = &keys[0]

    def reuses(self, object admission=1):
        import numpy as np

        cdef sf_trace *trace = &self._trace
        cdef uint32_t uses = <uint32_t>_unsigned(admission, "admission", 0xFFFF_FFFF)
        touched = np.zeros(trace.requests + 1, np.uint32)
        cdef uint32_t[::1] touches = touched
        cdef uint8_t[::1] raw
        cdef size_t count = 0, room
        cdef sf_error error
        # How many there are is known only after a pass.
        with nogil:
            error = sf_reuses(trace, uses, NULL, 0, &count, &touches[0])
        _check(error)
        found = np.empty(count, _REUSE_FIELDS)
        if count:
            raw = found.view(np.uint8)
            room = count
            with nogil:
                error = sf_reuses(trace, uses, <sf_reuse *>&raw[0], room, &count, &touches[0])
            _check(error)
        return found, touched[: trace.requests]

    cdef int _check_reuses(self, object reuses, const uint32_t[::1] touched) except -1:
        if reuses.dtype != _REUSE_FIELDS or not reuses.flags.c_contiguous:
            raise ValueError("reuses must be what reuses() gave")
        if <size_t>touched.shape[0] != self._trace.requests:
            raise ValueError("touched must be what reuses() gave")
        return 0

    def lru(self, reuses not None, const uint32_t[::1] touched not None):
        import numpy as np

        cdef sf_trace *trace = &self._trace
        self._check_reuses(reuses, touched)
        cdef const uint8_t[::1] raw = reuses.view(np.uint8)
        cdef const uint8_t *start = _start(raw)
        cdef size_t count = <size_t>reuses.shape[0]
        cdef const uint32_t *touches = &touched[0] if trace.requests else NULL
        curves = np.empty((4, <size_t>trace.unique + 1), np.uint64)
        cdef uint64_t[:, ::1] out = curves
        cdef sf_error error
        with nogil:
            error = sf_lru(trace, <const sf_reuse *>start, count, touches,
                           sf_curves(&out[0, 0], &out[1, 0], &out[2, 0], &out[3, 0]))
        _check(error)
        return curves

    def live_peak(self, reuses not None, const uint32_t[::1] touched not None, object ttl_ms):
        import numpy as np

        cdef sf_trace *trace = &self._trace
        self._check_reuses(reuses, touched)
        cdef const uint8_t[::1] raw = reuses.view(np.uint8)
        cdef const uint8_t *start = _start(raw)
        cdef size_t count = <size_t>reuses.shape[0]
        cdef const uint32_t *touches = &touched[0] if trace.requests else NULL
        cdef int64_t ttl = ttl_ms
        cdef uint64_t blocks, tokens
        cdef sf_error error
        with nogil:
            error = sf_live_peak(trace, <const sf_reuse *>start, count, touches, ttl, &blocks,
                                 &tokens)
        _check(error)
        return blocks, tokens

    def fifo(self, object capacity):
        cdef sf_trace *trace = &self._trace
        cdef uint64_t blocks = _unsigned(capacity, "capacity")
        cdef sf_traffic traffic
        cdef sf_error error
        with nogil:
            error = sf_fifo(trace, blocks, &traffic)
        _check(error)
        return (traffic.hit_blocks, traffic.hit_tokens, traffic.written_blocks,
                traffic.written_tokens)
