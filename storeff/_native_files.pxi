cdef extern from "files.h" nogil:
    enum:
        SF_MAGIC_BYTES_MAX
        SF_CLASSES
        SF_ASK
        SF_UNKNOWN

    ctypedef struct sf_listed:
        uint32_t folder
        uint32_t name_start
        uint32_t name_bytes
    ctypedef struct sf_listing:
        sf_listed *rows
        size_t rows_count
        char *names
        size_t names_bytes
        char *others
        size_t others_bytes
    void sf_listing_free(sf_listing *listing)
    ctypedef struct sf_folder:
        uint64_t device
        const uint64_t *special
        size_t special_count
        uint32_t number
    sf_error sf_list_some(sf_listing *listing, int fd, int looks, const sf_folder *folder,
                          int *ended, int *error_number)
    sf_error sf_list_named(sf_listing *listing, const char *path, const char *names,
                           size_t names_bytes, const sf_folder *folder)

    ctypedef struct sf_range:
        uint64_t start
        uint64_t end
    ctypedef enum sf_outcome_of_read:
        SF_READ
        SF_READ_CHANGED
        SF_REPLACED
        SF_SPARSE
        SF_UNREADABLE
    ctypedef struct sf_read:
        pass
    size_t sf_read_files(const sf_listed *files, const sf_range *ranges, size_t count,
                         const char *names, const char *const *folders, uint64_t hole_bytes,
                         uint8_t *arena, size_t arena_bytes, sf_read *reads)

    ctypedef struct sf_magic:
        uint8_t bytes[SF_MAGIC_BYTES_MAX]
        uint8_t length
        uint8_t content_class
        uint8_t is_word
    ctypedef struct sf_classifier:
        const sf_magic *magics
        size_t magics_count
        const int64_t *logs
        size_t entropy_bytes
        int64_t noise_bits
    int sf_classify(const sf_classifier *classifier, const uint8_t *head, size_t bytes,
                    uint64_t size_bytes)

READ, READ_CHANGED, REPLACED = SF_READ, SF_READ_CHANGED, SF_REPLACED
SPARSE, UNREADABLE = SF_SPARSE, SF_UNREADABLE
CLASSES, ASK, UNKNOWN = SF_CLASSES, SF_ASK, SF_UNKNOWN

# The layouts of sf_listed, sf_range and sf_read.
LISTED_FIELDS = [
    ("device", "u8"), ("inode", "u8"), ("mtime_seconds", "i8"), ("size_bytes", "i8"),
    ("allocated_bytes", "i8"), ("mtime_nanoseconds", "u4"), ("folder", "u4"),
    ("name_start", "u4"), ("name_bytes", "u4"),
]
RANGE_FIELDS = [("start", "i8"), ("end", "i8"), ("head_bytes", "i8")]
READ_FIELDS = [
    ("offset", "i8"), ("head_length", "i8"), ("length", "i8"), ("outcome", "i4"),
    ("error_number", "i4"),
]
_check_layout("sf_listed", LISTED_FIELDS, sizeof(sf_listed))
_check_layout("sf_range", RANGE_FIELDS, sizeof(sf_range))
_check_layout("sf_read", READ_FIELDS, sizeof(sf_read))


cdef sf_folder _folder(object device, object number, const uint64_t[::1] special) except *:
    cdef sf_folder folder
    folder.device = _unsigned(device, "device")
    folder.number = <uint32_t>_unsigned(number, "folder", 0xFFFF_FFFF)
    folder.special_count = <size_t>special.shape[0]
    folder.special = &special[0] if folder.special_count else NULL
    return folder


cdef class DirectoryListing:
    cdef sf_listing _listing
    cdef bint _busy

    def __dealloc__(self):
        sf_listing_free(&self._listing)

    def __len__(self):
        return self._listing.rows_count

    cdef int _free(self) except -1:
        if self._busy:
            raise ValueError("another thread is using this listing")
        return 0

    def read(self, int fd, bint looks, object device, object folder,
             const uint64_t[::1] special not None):
        cdef sf_listing *listing = &self._listing
        cdef sf_folder of = _folder(device, folder, special)
        cdef int ended = 0, error_number = 0
        cdef sf_error error
        self._free()
        self._busy = True
        with nogil:
            error = sf_list_some(listing, fd, looks, &of, &ended, &error_number)
        self._busy = False
        _check(error)
        if error_number:
            raise OSError(error_number, strerror(error_number))
        return self._others(), bool(ended)

    def look(self, bytes path not None, bytes names not None, object device, object folder,
             const uint64_t[::1] special not None):
        cdef sf_listing *listing = &self._listing
        cdef sf_folder of = _folder(device, folder, special)
        cdef const char *at = path
        cdef const char *first = names
        cdef size_t names_bytes = <size_t>len(names)
        cdef sf_error error
        self._free()
        self._busy = True
        with nogil:
            error = sf_list_named(listing, at, first, names_bytes, &of)
        self._busy = False
        _check(error)
        return self._others()

    cdef list _others(self):
        cdef sf_listing *listing = &self._listing
        others = listing.others[:listing.others_bytes].split(b"\0")
        listing.others_bytes = 0
        others.pop()
        return others

    def take(self):
        cdef sf_listing *listing = &self._listing
        self._free()
        rows = _records(LISTED_FIELDS, listing.rows, listing.rows_count)
        names = listing.names[:listing.names_bytes] if listing.names_bytes else b""
        listing.rows_count = listing.names_bytes = 0
        return rows, names


cdef const uint8_t *_rows(object array, list fields, size_t *count) except NULL:
    """The first of the records of `array`, which must have those fields."""
    import numpy as np

    cdef const uint8_t[::1] raw
    if array.dtype != np.dtype(fields) or array.ndim != 1 or not array.flags.c_contiguous:
        raise ValueError(f"rows of {[field[0] for field in fields]} are needed, one after another")
    count[0] = <size_t>array.shape[0]
    if not count[0]:
        return <const uint8_t *>b""
    raw = array.view(np.uint8)
    return &raw[0]


def read_files(files, ranges, bytes names not None, list folders not None, object hole_bytes,
               uint8_t[::1] arena not None):
    import numpy as np

    cdef size_t count, ranges_count, reads_count, done, i
    cdef const sf_listed *each = <const sf_listed *>_rows(files, LISTED_FIELDS, &count)
    cdef const sf_range *wanted = <const sf_range *>_rows(ranges, RANGE_FIELDS, &ranges_count)
    cdef uint64_t granule = _unsigned(hole_bytes, "hole_bytes")
    cdef uint8_t *start = <uint8_t *>_start(arena)
    cdef size_t arena_bytes = <size_t>arena.shape[0], folders_count = <size_t>len(folders)
    cdef const char *first = names
    cdef size_t names_bytes = <size_t>len(names)
    if count != ranges_count:
        raise ValueError("there must be a range for each file")
    for i in range(count):
        if wanted[i].start > wanted[i].end:
            raise ValueError(f"bytes {wanted[i].start} to {wanted[i].end} are no part of a file")
        if each[i].folder >= folders_count:
            raise ValueError(f"there is no folder {each[i].folder}")
        # `names` ends with a NUL of its own that is not counted.
        if <size_t>each[i].name_start + each[i].name_bytes > names_bytes:
            raise ValueError("a name lies outside the names")
        if first[<size_t>each[i].name_start + each[i].name_bytes] != 0:
            raise ValueError("a name must end with a NUL")
    reads = np.empty(count, READ_FIELDS)
    cdef sf_read *made = <sf_read *>_rows(reads, READ_FIELDS, &reads_count)
    cdef const char **paths = <const char **>malloc((folders_count + 1) * sizeof(char *))
    if paths == NULL:
        raise MemoryError("no memory for a batch of files")
    try:
        for i in range(folders_count):
            # `folders` holds the path.
            paths[i] = <bytes>folders[i]
        with nogil:
            done = sf_read_files(each, wanted, count, first, paths, granule, start, arena_bytes,
                                 made)
    finally:
        free(paths)
    return reads[:done]


def path_numbers(files, bytes names not None, list folders not None):
    import numpy as np

    cdef size_t count, i, length, room = 256, of_folder = 0, folders_count = <size_t>len(folders)
    cdef const sf_listed *each = <const sf_listed *>_rows(files, LISTED_FIELDS, &count)
    cdef const sf_kernel *scalar = _kernel("scalar")
    cdef const char *first = names
    cdef size_t names_bytes = <size_t>len(names)
    cdef bytes folder = b""
    cdef uint8_t *grown
    cdef uint8_t *path = <uint8_t *>malloc(room)
    numbers = np.empty(count, np.uint64)
    cdef uint64_t[::1] made = numbers
    try:
        for i in range(count):
            if <size_t>each[i].name_start + each[i].name_bytes > names_bytes:
                raise ValueError("a name lies outside the names")
            if i == 0 or each[i].folder != each[i - 1].folder:
                if each[i].folder >= folders_count:
                    raise ValueError(f"there is no folder {each[i].folder}")
                folder = folders[each[i].folder]
                of_folder = <size_t>len(folder)
            length = of_folder + each[i].name_bytes
            if length > room:
                room = 2 * length
                grown = <uint8_t *>realloc(path, room)
                if grown == NULL:
                    raise MemoryError("no memory for a path")
                path = grown
            if path == NULL:
                raise MemoryError("no memory for a path")
            memcpy(path, <const char *>folder, of_folder)
            memcpy(path + of_folder, first + each[i].name_start, each[i].name_bytes)
            made[i] = sf_fingerprint(scalar, path, length).high
    finally:
        free(path)
    return numbers


cdef class Classifier:
    cdef sf_classifier _classifier
    cdef sf_magic *_magics
    cdef const int64_t[::1] _logs

    def __cinit__(self, list magics not None, const int64_t[::1] logs not None, object noise_bits):
        cdef size_t count = <size_t>len(magics), i
        if not 0 < logs.shape[0] <= 1 << 16:
            raise ValueError("there must be 1 to 65536 logarithms")
        self._magics = <sf_magic *>malloc((count + 1) * sizeof(sf_magic))
        if self._magics == NULL:
            raise MemoryError("no memory for the magic numbers")
        for i in range(count):
            magic, content_class = magics[i]
            if not 0 < len(magic) <= SF_MAGIC_BYTES_MAX:
                raise ValueError(f"a magic number has 1 to {SF_MAGIC_BYTES_MAX} bytes")
            if content_class != SF_ASK:
                _unsigned(content_class, "a content class", SF_CLASSES - 1)
            memcpy(self._magics[i].bytes, <const char *><bytes>magic, <size_t>len(magic))
            self._magics[i].length = len(magic)
            self._magics[i].content_class = content_class
            self._magics[i].is_word = magic.isalnum()
        self._logs = logs
        self._classifier = sf_classifier(
            self._magics, count, &self._logs[0], <size_t>logs.shape[0] - 1, noise_bits
        )

    def __dealloc__(self):
        free(self._magics)

    def classify(
        self,
        const uint8_t[::1] arena not None,
        const int64_t[:] offsets not None,
        const int64_t[:] lengths not None,
        const int64_t[:] sizes not None,
    ):
        import numpy as np

        cdef const uint8_t *start = _start(arena)
        cdef int64_t arena_bytes = <int64_t>arena.shape[0]
        cdef Py_ssize_t count = offsets.shape[0], i
        if lengths.shape[0] != count or sizes.shape[0] != count:
            raise ValueError("each head has an offset, a length and the size of its file")
        for i in range(count):
            if not (0 <= offsets[i] <= arena_bytes and 0 <= lengths[i] <= arena_bytes - offsets[i]):
                raise ValueError(f"head {i} lies outside the arena")
            if sizes[i] < 0:
                raise ValueError(f"a file of {sizes[i]} bytes")
        classes = np.empty(count, np.uint8)
        cdef uint8_t[::1] made = classes
        with nogil:
            for i in range(count):
                made[i] = <uint8_t>sf_classify(
                    &self._classifier, start + offsets[i], <size_t>lengths[i], <uint64_t>sizes[i]
                )
        return classes
