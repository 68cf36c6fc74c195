# Byte planes and fields of arrays of numbers (csrc/planes.h).

cdef extern from "planes.h" nogil:
    enum:
        SF_FIELD_BITS_MAX
    ctypedef struct sf_field:
        unsigned shift
        unsigned bits
    sf_error sf_split_planes(uint8_t *planes, const uint8_t *data, size_t items, size_t item_bytes)
    sf_error sf_count_field(uint64_t *counts, const uint8_t *data, size_t items, size_t item_bytes,
                            sf_field field)
    sf_error sf_count_field_by_channel(uint64_t *counts, const uint8_t *data, size_t rows,
                                       size_t channels, size_t item_bytes, sf_field field)


cdef size_t _item_bytes(object number) except 0:
    if number not in (1, 2, 4, 8):
        raise ValueError(f"items must have 1, 2, 4 or 8 bytes, not {number}")
    return number


cdef size_t _items(const uint8_t[::1] data, size_t item_bytes) except? 0:
    if <size_t>data.shape[0] % item_bytes:
        raise ValueError(f"{data.shape[0]} bytes are not a whole number of items of {item_bytes}")
    return <size_t>data.shape[0] // item_bytes


cdef sf_field _field(object shift, object bits) except *:
    return sf_field(
        <unsigned>_unsigned(shift, "shift", 63), <unsigned>_unsigned(bits, "bits", SF_FIELD_BITS_MAX)
    )


def split_planes(const uint8_t[::1] data not None, object item_bytes):
    import numpy as np

    cdef size_t width = _item_bytes(item_bytes), items = _items(data, width)
    planes = np.empty((width, items), dtype=np.uint8)
    cdef uint8_t[::1] out = planes.reshape(-1)
    cdef uint8_t *to = <uint8_t *>_start(out)
    cdef const uint8_t *start = _start(data)
    cdef sf_error error
    with nogil:
        error = sf_split_planes(to, start, items, width)
    _check(error)
    return planes


def count_field(const uint8_t[::1] data not None, object item_bytes, object shift, object bits):
    import numpy as np

    cdef size_t width = _item_bytes(item_bytes), items = _items(data, width)
    cdef sf_field field = _field(shift, bits)
    counts = np.zeros(1 << bits, dtype=np.uint64)
    cdef uint64_t[::1] out = counts
    cdef const uint8_t *start = _start(data)
    cdef sf_error error
    with nogil:
        error = sf_count_field(&out[0], start, items, width, field)
    _check(error)
    return counts


def count_field_by_channel(
    const uint8_t[::1] data not None, object channels, object item_bytes, object shift, object bits
):
    import numpy as np

    cdef size_t width = _item_bytes(item_bytes), items = _items(data, width)
    cdef size_t columns = _unsigned(channels, "channels")
    cdef sf_field field = _field(shift, bits)
    if not columns or items % columns:
        raise ValueError(f"{items} items are not a whole number of rows of {columns}")
    counts = np.zeros((columns, 1 << bits), dtype=np.uint64)
    cdef uint64_t[:, ::1] out = counts
    cdef const uint8_t *start = _start(data)
    cdef size_t rows = items // columns
    cdef sf_error error
    with nogil:
        error = sf_count_field_by_channel(&out[0, 0], start, rows, columns, width, field)
    _check(error)
    return counts
