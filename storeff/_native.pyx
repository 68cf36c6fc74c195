"""Python's door to csrc: buffers in, numpy arrays out, one call per span without the GIL."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from os import strerror

from storeff.errors import StoreffError, did_you_mean

cdef extern from "storeff.h" nogil:
    enum:
        SF_BUCKETS
        SF_LABELS_MAX
        SF_CHUNKERS_MAX
        SF_CHUNK_BYTES_MAX
        SF_FILE_ENDED

    ctypedef enum sf_error:
        SF_OK
        SF_ERROR_MEMORY
    const char *sf_error_text(sf_error error)

    ctypedef struct sf_kernel:
        pass
    const sf_kernel *sf_kernel_at(size_t index)
    const char *sf_kernel_name(const sf_kernel *kernel)
    int sf_kernel_runs_here(const sf_kernel *kernel)

    ctypedef struct sf_key:
        uint64_t high
        uint64_t low
    sf_key sf_fingerprint(const sf_kernel *kernel, const uint8_t *data, size_t bytes)
    void sf_canonical(sf_key key, uint8_t *digest)

    ctypedef struct sf_stream:
        size_t min_bytes
        size_t max_bytes
        int run_byte
    ctypedef enum sf_cut:
        SF_NEED_MORE
        SF_RUN
    sf_cut sf_next_cut(sf_stream *stream, const sf_kernel *kernel, const uint8_t *data,
                       size_t bytes, int last, size_t *length)

    enum:
        SF_PREDICTED_MAX
    void sf_predict(const uint8_t *data, size_t bytes, uint32_t *predicted)

    ctypedef struct sf_entry:
        pass
    ctypedef struct sf_bucket:
        pass
    ctypedef struct sf_sketch:
        pass
    sf_error sf_sketch_limit(sf_sketch *sketch, double tau, double predicted_below)
    const sf_entry *sf_sketch_entries(sf_sketch *sketch, size_t *count, double *tau)
    const sf_bucket *sf_sketch_buckets(const sf_sketch *sketch)
    double sf_sketch_rank(const sf_sketch *sketch, const sf_entry *entry)
    size_t sf_bucket_of(sf_key key, uint64_t seed_mix)
    double sf_rank(sf_key key, uint64_t size, uint64_t seed_mix)
    uint64_t sf_seed_mix(uint64_t seed)

    ctypedef struct sf_chunker_plan:
        size_t min_bytes
        size_t max_bytes
        size_t capacity
        int predicts
    ctypedef struct sf_totals:
        uint64_t chunks
        uint64_t bytes
        uint64_t run_count[256]
        uint64_t run_bytes[256]
    ctypedef struct sf_scanner:
        pass
    sf_error sf_scanner_new(sf_scanner **scanner, const sf_chunker_plan *plans, size_t chunkers,
                            uint64_t seed, int is_sample, const sf_kernel *kernel)
    void sf_scanner_free(sf_scanner *scanner)
    sf_error sf_scanner_reserve(sf_scanner *scanner)
    size_t sf_buffer_bytes_min(const sf_scanner *scanner)
    sf_error sf_begin(sf_scanner *scanner, uint64_t labels)
    sf_error sf_set_position(sf_scanner *scanner, uint64_t object, uint64_t offset)
    sf_error sf_span(sf_scanner *scanner, const uint8_t *buffer, size_t buffer_bytes,
                     size_t bytes, int last)
    sf_error sf_carry(sf_scanner *scanner, uint8_t *buffer, size_t buffer_bytes, size_t *carried)
    sf_error sf_skip(sf_scanner *scanner, uint64_t hole_bytes)
    sf_error sf_end(sf_scanner *scanner)
    ctypedef struct sf_content_key:
        sf_key key
        uint64_t bytes
        uint64_t zero_bytes
    sf_error sf_end_part(sf_scanner *scanner, sf_content_key *part)
    sf_error sf_add_file(sf_scanner *scanner, const sf_content_key *file, uint64_t labels,
                         uint64_t object)
    sf_error sf_abort(sf_scanner *scanner)
    sf_error sf_feed(sf_scanner *scanner, int fd, uint64_t *offset, uint64_t end, int last,
                     uint8_t *buffer, size_t buffer_bytes, size_t read_bytes, int *error_number)
    ctypedef struct sf_content:
        size_t offset
        size_t length
        uint64_t labels
        uint64_t object
        uint64_t position
        uint64_t start
        uint64_t end
        double rank
    sf_error sf_scan_contents(sf_scanner *scanner, const uint8_t *arena, size_t arena_bytes,
                              const sf_content *contents, size_t count)
    sf_error sf_add(sf_scanner *scanner, size_t chunker, const uint64_t *keys,
                    const uint64_t *sizes, const uint64_t *labels, const uint64_t *places,
                    size_t count)
    sf_error sf_scanner_merge(sf_scanner *scanner, sf_scanner *other)
    sf_sketch *sf_sketch_of(sf_scanner *scanner, size_t chunker)
    const sf_totals *sf_totals_of(const sf_scanner *scanner, size_t chunker)
    const uint64_t *sf_histogram(const sf_scanner *scanner)

LABELS_MAX = SF_LABELS_MAX
BUCKETS = SF_BUCKETS
FILE_ENDED = SF_FILE_ENDED
PREDICTED_MAX = SF_PREDICTED_MAX

# The layout of sf_entry.
_ENTRY_FIELDS = [
    ("key", "u8", 2), ("size", "u8"), ("count", "u8"), ("labels", "u8"), ("extent", "f8"),
    ("object", "u8"), ("offset", "u8"), ("predicted", "u4", 2),
]


# The layout of sf_content.
CONTENT_FIELDS = [
    ("offset", "u8"), ("length", "u8"), ("labels", "u8"), ("object", "u8"), ("position", "u8"),
    ("start", "u8"), ("end", "u8"), ("rank", "f8"),
]


cdef enum:
    SHORT_BYTES = 4096


cdef int _check(sf_error error) except -1:
    """The one place where a code of csrc becomes an exception."""
    if error == SF_ERROR_MEMORY:
        raise MemoryError(sf_error_text(error).decode())
    if error != SF_OK:
        raise ValueError(sf_error_text(error).decode())
    return 0


cdef uint64_t _unsigned(object number, str name, object largest=0xFFFF_FFFF_FFFF_FFFF) except? 0:
    if not 0 <= number <= largest:
        raise ValueError(f"{name} must be in 0..{largest}, not {number}")
    return number


cdef const sf_kernel *_kernel(str name) except NULL:
    cdef const sf_kernel *kernel
    cdef size_t index = 0
    while True:
        kernel = sf_kernel_at(index)
        if kernel == NULL:
            raise StoreffError(
                f"kernel {name!r} is not part of this build{did_you_mean(name, kernels())}",
                f"choose from: {', '.join(kernels())}",
            )
        if sf_kernel_name(kernel) == name.encode():
            break
        index += 1
    if not sf_kernel_runs_here(kernel):
        raise StoreffError(
            f"kernel {name!r} cannot run on this processor", f"choose from: {', '.join(kernels())}"
        )
    return kernel


cdef int _check_layout(str name, list fields, size_t size_bytes) except -1:
    """What numpy takes for a C struct has its size; csrc holds the offsets."""
    widths = {"u8": 8, "i8": 8, "f8": 8, "u4": 4, "i4": 4}
    found = sum(widths[field[1]] * (field[2] if len(field) > 2 else 1) for field in fields)
    if found != size_bytes:
        raise ImportError(f"{name} has {size_bytes} bytes in csrc, but {found} here: build again")
    return 0


_check_layout("sf_entry", _ENTRY_FIELDS, sizeof(sf_entry))
_check_layout("sf_content", CONTENT_FIELDS, sizeof(sf_content))


cdef const uint8_t *_start(const uint8_t[::1] data) noexcept:
    """The first byte, or any valid pointer where there is none."""
    return &data[0] if data.shape[0] else <const uint8_t *>b""


cdef object _records(object dtype, const void *source, size_t count):
    """A numpy array of `count` C structs whose layout is `dtype`."""
    import numpy as np

    array = np.empty(count, dtype)
    cdef uint8_t[::1] raw
    if count:
        raw = array.view(np.uint8)
        memcpy(&raw[0], source, <size_t>raw.shape[0])
    return array


def kernels():
    names = []
    cdef size_t index = 0
    cdef const sf_kernel *kernel = sf_kernel_at(index)
    while kernel != NULL:
        if sf_kernel_runs_here(kernel):
            names.append(sf_kernel_name(kernel).decode())
        index += 1
        kernel = sf_kernel_at(index)
    return names


def fingerprint(const uint8_t[::1] data not None, str kernel="scalar"):
    cdef const sf_kernel *chosen = _kernel(kernel)
    cdef const uint8_t *start = _start(data)
    cdef size_t length = <size_t>data.shape[0]
    cdef uint8_t digest[16]
    # To give the interpreter away and wait to have it back takes longer than a short hash.
    if length < SHORT_BYTES:
        sf_canonical(sf_fingerprint(chosen, start, length), digest)
    else:
        with nogil:
            sf_canonical(sf_fingerprint(chosen, start, length), digest)
    return digest[:16]


def fingerprints(
    const uint8_t[::1] data not None, const int64_t[:, ::1] ranges not None, str kernel="scalar"
):
    import numpy as np

    cdef const sf_kernel *chosen = _kernel(kernel)
    cdef const uint8_t *start = _start(data)
    cdef int64_t total = <int64_t>data.shape[0]
    cdef Py_ssize_t count = ranges.shape[0], i
    cdef sf_key key
    if ranges.shape[1] < 2:
        raise ValueError("ranges must have the shape (n, 2): an offset and a length each")
    for i in range(count):
        if not (0 <= ranges[i, 0] <= total and 0 <= ranges[i, 1] <= total - ranges[i, 0]):
            raise ValueError(f"range {i} is not within the {total} bytes of data")
    keys = np.empty((count, 2), dtype=np.uint64)
    cdef uint64_t[:, ::1] out = keys
    with nogil:
        for i in range(count):
            key = sf_fingerprint(chosen, start + ranges[i, 0], <size_t>ranges[i, 1])
            out[i, 0] = key.high
            out[i, 1] = key.low
    return keys


def cut(const uint8_t[::1] data not None, object min_bytes, object max_bytes, str kernel="scalar"):
    import numpy as np

    # A scanner of the same plan checks the sizes.
    Scanner([(min_bytes, max_bytes, 1, False)], 0, kernel)
    if max_bytes == 0:
        raise ValueError("a whole file is not cut")
    cdef const sf_kernel *chosen = _kernel(kernel)
    cdef sf_stream stream = sf_stream(min_bytes, max_bytes, -1)
    cdef const uint8_t *start = _start(data)
    cdef size_t total = <size_t>data.shape[0], offset = 0, length = 0
    cdef sf_cut kind
    # Only the last chunk can be shorter than min_bytes.
    cuts = np.empty((total // stream.min_bytes + 1, 3), dtype=np.int64)
    cdef int64_t[:, ::1] rows = cuts
    cdef Py_ssize_t count = 0
    with nogil:
        while offset < total:
            kind = sf_next_cut(&stream, chosen, start + offset, total - offset, 1, &length)
            rows[count, 0] = <int64_t>offset
            rows[count, 1] = <int64_t>length
            rows[count, 2] = kind == SF_RUN
            count += 1
            offset += length
    return cuts[:count].copy()


def predict(const uint8_t[::1] data not None):
    cdef size_t bytes = _unsigned(data.shape[0], "bytes", SF_CHUNK_BYTES_MAX)
    cdef uint32_t predicted[2]
    if bytes == 0:
        raise ValueError("a chunk is not empty")
    with nogil:
        sf_predict(&data[0], bytes, predicted)
    return predicted[0], predicted[1]


def rank(const uint64_t[:, ::1] keys not None, const uint64_t[::1] sizes not None, object seed):
    import numpy as np

    cdef Py_ssize_t count = sizes.shape[0], i
    cdef uint64_t seed_mix = sf_seed_mix(_unsigned(seed, "seed"))
    _check_pairs(keys, count, "keys")
    ranks = np.empty(count, dtype=np.float64)
    cdef double[::1] out = ranks
    with nogil:
        for i in range(count):
            out[i] = sf_rank(sf_key(keys[i, 0], keys[i, 1]), sizes[i], seed_mix)
    return ranks


def bucket(const uint64_t[:, ::1] keys not None, object seed):
    import numpy as np

    cdef Py_ssize_t i, count = keys.shape[0]
    cdef uint64_t seed_mix = sf_seed_mix(_unsigned(seed, "seed"))
    _check_pairs(keys, count, "keys")
    buckets = np.empty(count, dtype=np.intp)
    cdef Py_ssize_t[::1] out = buckets
    with nogil:
        for i in range(count):
            out[i] = <Py_ssize_t>sf_bucket_of(sf_key(keys[i, 0], keys[i, 1]), seed_mix)
    return buckets


cdef int _check_pairs(const uint64_t[:, ::1] pairs, Py_ssize_t count, str name) except -1:
    if pairs.shape[0] != count or pairs.shape[1] != 2:
        raise ValueError(f"{name} must have the shape ({count}, 2): a pair for each size")
    return 0


include "_native_files.pxi"
include "_native_windows.pxi"
include "_native_similar.pxi"
include "_native_scanner.pxi"
include "_native_replay.pxi"
include "_native_planes.pxi"
