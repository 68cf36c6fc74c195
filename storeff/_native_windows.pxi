# Included by _native.pyx: windows of objects, drawn by rank.

cdef extern from "storeff.h" nogil:
    ctypedef struct sf_window:
        pass
    ctypedef struct sf_windows:
        sf_window *rows
        size_t count
        size_t allocated
    sf_error sf_sample_windows(sf_windows *windows, const uint64_t *objects, const uint64_t *sizes,
                               size_t count, uint64_t seed, double tau, uint64_t window_bytes)
    void sf_windows_clear(sf_windows *windows)

# The layout of sf_window.
WINDOW_FIELDS = [
    ("index", "u8"), ("start", "u8"), ("length", "u8"), ("point", "u8"), ("rank", "f8"),
]
_check_layout("sf_window", WINDOW_FIELDS, sizeof(sf_window))


def sample_windows(
    const uint64_t[::1] objects not None, sizes, object seed, double tau,
    object window_bytes=64 << 10,
):
    import numpy as np

    if sizes.dtype not in (np.int64, np.uint64):
        raise ValueError(f"sizes must be integers of 64 bits, not {sizes.dtype}")
    cdef const uint64_t[::1] each = sizes.view(np.uint64)
    cdef size_t count = <size_t>objects.shape[0]
    cdef uint64_t seed_value = _unsigned(seed, "seed")
    cdef uint64_t bytes_of_each = _unsigned(window_bytes, "window_bytes")
    cdef sf_windows found = sf_windows(NULL, 0, 0)
    cdef sf_error error
    if each.shape[0] != objects.shape[0]:
        raise ValueError("there must be a size for each object")
    if count == 0:
        return np.empty(0, WINDOW_FIELDS)
    try:
        with nogil:
            error = sf_sample_windows(
                &found, &objects[0], &each[0], count, seed_value, tau, bytes_of_each
            )
        _check(error)
        return _records(WINDOW_FIELDS, found.rows, found.count)
    finally:
        sf_windows_clear(&found)
