cdef class Scanner:
    cdef sf_scanner *_scanner
    cdef list _codecs
    cdef object _no_kept
    # Handed chunks by the scanner, so it must live as long.
    cdef Similar _similar
    cdef bint _busy

    def __cinit__(self, chunkers, seed, str kernel="scalar", by_place=()):
        cdef const sf_kernel *chosen = _kernel(kernel)
        cdef sf_chunker_plan plans[SF_CHUNKERS_MAX]
        cdef size_t count = 0
        import numpy as np

        # An array made from a list of fields costs more than the span of a small file.
        self._no_kept = np.empty(0, _KEPT_FIELDS)
        self._codecs = []
        for min_bytes, max_bytes, capacity, codecs in chunkers:
            if count == SF_CHUNKERS_MAX:
                raise ValueError(f"a scanner holds at most {count} chunkers")
            plans[count] = sf_chunker_plan(
                _unsigned(min_bytes, "min_bytes"),
                _unsigned(max_bytes, "max_bytes"),
                _unsigned(capacity, "capacity"),
                <unsigned>_unsigned(codecs, "codecs", SF_CODECS_MAX),
                count in by_place,
            )
            self._codecs.append(codecs)
            count += 1
        _check(sf_scanner_new(&self._scanner, plans, count, _unsigned(seed, "seed"), chosen))

    def __dealloc__(self):
        sf_scanner_free(self._scanner)

    cdef sf_scanner *_free(self) except NULL:
        """The scanner, if no other thread is inside it."""
        if self._busy:
            raise ValueError("another thread is using this scanner")
        return self._scanner

    def reserve(self):
        cdef sf_scanner *scanner = self._free()
        cdef sf_error error
        self._busy = True
        with nogil:
            error = sf_scanner_reserve(scanner)
        self._busy = False
        _check(error)

    @property
    def buffer_bytes_min(self):
        return sf_buffer_bytes_min(self._scanner)

    def mark(self, marks):
        _check(sf_mark(self._free(), _unsigned(marks, "marks")))

    def set_similar(self, chunker, Similar similar not None):
        if self._similar is not None:
            raise ValueError("the scanner has a sketch of similar chunks already")
        _check(sf_set_similar(self._free(), self._index(chunker), similar._similar))
        self._similar = similar

    def begin(self, group):
        _check(sf_begin(self._free(), <unsigned>_unsigned(group, "group", SF_GROUPS_MAX - 1)))

    def set_place(self, file, offset):
        _check(sf_set_place(self._free(), _unsigned(file, "file"), _unsigned(offset, "offset")))

    def span(self, const uint8_t[::1] buffer not None, object length, bint last):
        cdef sf_scanner *scanner = self._free()
        cdef const uint8_t *start = _start(buffer)
        cdef size_t buffer_bytes = <size_t>buffer.shape[0], bytes = _unsigned(length, "length")
        cdef sf_error error
        self._busy = True
        with nogil:
            error = sf_span(scanner, start, buffer_bytes, bytes, last)
        self._busy = False
        _check(error)
        return self._kept()

    cdef object _kept(self):
        cdef size_t count
        cdef const sf_kept *kept = sf_kept_chunks(self._scanner, &count)
        return _records(self._no_kept.dtype, kept, count) if count else self._no_kept

    def limit_kept(self, chunker, double rank):
        _check(sf_limit_kept(self._free(), self._index(chunker), rank))

    def feed(
        self, int fd, object offset, object end, bint last, uint8_t[::1] buffer not None,
        object read_bytes,
    ):
        cdef sf_scanner *scanner = self._free()
        cdef uint8_t *start = <uint8_t *>_start(buffer)
        cdef size_t buffer_bytes = <size_t>buffer.shape[0]
        cdef size_t span_bytes = _unsigned(read_bytes, "read_bytes")
        cdef uint64_t position = _unsigned(offset, "offset"), stop = _unsigned(end, "end")
        cdef int error_number
        cdef sf_error error
        self._busy = True
        with nogil:
            error = sf_feed(scanner, fd, &position, stop, last, start, buffer_bytes, span_bytes,
                            &error_number)
        self._busy = False
        _check(error)
        return position, self._kept(), error_number

    def scan_contents(self, const uint8_t[::1] arena not None, list contents):
        cdef sf_scanner *scanner = self._free()
        cdef const uint8_t *start = _start(arena)
        cdef size_t arena_bytes = <size_t>arena.shape[0], count = <size_t>len(contents), i
        cdef sf_error error
        cdef sf_content *files = <sf_content *>malloc((count + 1) * sizeof(sf_content))
        if files == NULL:
            raise MemoryError("no memory for a batch of files")
        try:
            for i in range(count):
                offset, length, group, file = contents[i]
                files[i] = sf_content(
                    _unsigned(offset, "offset"),
                    _unsigned(length, "length"),
                    <unsigned>_unsigned(group, "group", SF_GROUPS_MAX - 1),
                    _unsigned(file, "file"),
                )
            self._busy = True
            with nogil:
                error = sf_scan_contents(scanner, start, arena_bytes, files, count)
            self._busy = False
        finally:
            free(files)
        _check(error)
        return self._kept()

    def carry(self, uint8_t[::1] buffer not None):
        cdef size_t carried
        _check(sf_carry(self._free(), <uint8_t *>_start(buffer), <size_t>buffer.shape[0], &carried))
        return carried

    def skip(self, hole_bytes):
        _check(sf_skip(self._free(), _unsigned(hole_bytes, "hole_bytes")))

    def end(self):
        _check(sf_end(self._free()))

    def end_part(self):
        cdef sf_content_key part
        cdef uint8_t digest[16]
        _check(sf_end_part(self._free(), &part))
        sf_canonical(part.key, digest)
        return digest[:16], part.bytes, part.zero_bytes

    def add_file(self, bytes key not None, data_bytes, zero_bytes, group):
        if len(key) != 16:
            raise ValueError(f"a key has 16 bytes, not {len(key)}")
        cdef sf_content_key file = sf_content_key(
            sf_key(int.from_bytes(key[:8], "big"), int.from_bytes(key[8:], "big")),
            _unsigned(data_bytes, "data_bytes"),
            _unsigned(zero_bytes, "zero_bytes"),
        )
        _check(
            sf_add_file(
                self._free(), &file, <unsigned>_unsigned(group, "group", SF_GROUPS_MAX - 1)
            )
        )

    def abort(self):
        _check(sf_abort(self._free()))

    def set_compressed(self, kept, const uint32_t[:, ::1] sizes not None):
        import numpy as np

        cdef sf_scanner *scanner = self._free()
        if kept.dtype != self._no_kept.dtype or kept.shape != (sizes.shape[0],):
            raise ValueError("kept must come from span() and have one row of sizes for each chunk")
        if not sizes.shape[0]:
            return
        cdef const uint8_t[::1] raw = np.ascontiguousarray(kept).view(np.uint8)
        _check(
            sf_set_compressed(
                scanner,
                <const sf_kept *>&raw[0],
                <size_t>sizes.shape[0],
                &sizes[0, 0] if sizes.shape[1] else NULL,
                <size_t>sizes.shape[1],
            )
        )

    def add(
        self,
        chunker,
        const uint64_t[:, ::1] keys not None,
        const uint64_t[::1] sizes not None,
        const uint64_t[::1] groups not None,
    ):
        cdef sf_scanner *scanner = self._free()
        cdef size_t index = self._index(chunker)
        cdef size_t count = <size_t>sizes.shape[0]
        cdef sf_error error
        _check_keys(keys, sizes.shape[0])
        if groups.shape[0] != sizes.shape[0]:
            raise ValueError("there must be one group for each size")
        if count == 0:
            return
        self._busy = True
        with nogil:
            error = sf_add(scanner, index, &keys[0, 0], &sizes[0], &groups[0], count)
        self._busy = False
        _check(error)

    def absorb(self, Scanner other not None):
        cdef sf_scanner *scanner = self._free()
        cdef sf_scanner *absorbed = other._free()
        cdef sf_error error
        self._busy = other._busy = True
        with nogil:
            error = sf_absorb(scanner, absorbed)
        self._busy = other._busy = False
        _check(error)

    cdef size_t _index(self, object chunker) except? 0:
        return _unsigned(chunker, "chunker", len(self._codecs) - 1)

    def export(self, chunker):
        import numpy as np

        cdef sf_scanner *scanner = self._free()
        cdef size_t index = self._index(chunker)
        cdef const sf_sketch *sketch = sf_sketch_of(scanner, index)
        cdef const sf_totals *totals = sf_totals_of(scanner, index)
        entries = _records(_ENTRY_FIELDS, sketch.entries, sketch.count)
        sequence = order(entries["rank"].copy(), entries["key"], entries["size"])
        return {
            "keys": entries["key"][sequence],
            "sizes": entries["size"][sequence],
            "counts": entries["count"][sequence],
            "groups": entries["groups"][sequence],
            "compressed": entries["compressed"][sequence, : self._codecs[index]],
            "tau": sketch.tau,
            "chunks": totals.chunks,
            "bytes": totals.bytes,
            "run_count": _records("u8", totals.run_count, 256),
            "run_bytes": _records("u8", totals.run_bytes, 256),
            "buckets": _records("u8", sketch.buckets, 2 * SF_BUCKETS).reshape(-1, 2),
        }

    def export_histogram(self):
        return _records("u8", sf_histogram(self._free()), SF_GROUPS_MAX * 256).reshape(-1, 256)
