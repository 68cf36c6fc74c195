"""What whole units add: RAIDZ stripes of sectors, and objects padded to allocation units."""

import itertools
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.objects import sizes

from storeff.data import exact, map_numbers
from storeff.errors import StoreffError
from storeff.layout import (
    Code,
    Data,
    Layout,
    ObjectSizes,
    SystemReduction,
    load_layouts,
    waterfall,
)
from storeff.layout.allocation import object_padding, redundancy
from storeff.layout.durability import tolerance, window_loss

KIB = 1024
NONE: dict[str, Any] = {
    "metadata": Fraction(0),
    "padding": Fraction(0),
    "rebuild_reserve": Fraction(0),
    "fill_limit": Fraction(1),
    **dict.fromkeys(
        (
            *("rebuild_fill_limit", "imbalance", "file_system_reserve", "gc_reserve"),
            *("object_metadata_bytes", "checksum"),
        ),
        math.nan,
    ),
}
NARROW = st.builds(
    lambda k, m, sectors: raidz(k, m, sectors * 4 * KIB),
    st.integers(1, 12),
    st.integers(1, 3),
    st.integers(1, 40),
)

ROWS = st.builds(
    lambda k, m, sectors: draid(k, m, sectors * 4 * KIB),
    st.integers(1, 12),
    st.integers(1, 3),
    st.integers(1, 40),
)
SECTORS = NARROW | ROWS


def draid(k: int, m: int, block_bytes: int, sector_bytes: int = 4 * KIB) -> Code:
    return Code("draid", k, m, block_bytes=block_bytes, sector_bytes=sector_bytes)


def raidz(k: int, m: int, block_bytes: int, sector_bytes: int = 4 * KIB) -> Code:
    return Code("raidz", k, m, block_bytes=block_bytes, sector_bytes=sector_bytes)


def layout(
    code: Code, unit_bytes: int | None, codec: Any = "none", below_code: bool = False, **fields: Any
) -> Layout[Any]:
    system = SystemReduction(dedup="none", codec=codec, below_code=below_code, source="the test")
    if unit_bytes is not None:
        fields["object_unit_bytes"] = Fraction(unit_bytes)
    made: Layout[Any] = map_numbers(
        Layout(name="x", code=code, **NONE, reduction=system, **fields), exact
    )
    return made


def raw_of(
    lay: Layout[Any], *objects: int, ratio: Fraction | int = 1, counted: int = 1
) -> Fraction:
    """Raw bytes for ``objects``."""
    data: Data[Any] = Data(
        logical_bytes=Fraction(sum(objects)),
        reduction_ratio=Fraction(ratio),
        allocation_bytes=counted,
        objects=sizes(*objects),
    )
    steps = waterfall(map_numbers(data, exact), lay)
    assert sum(step.share_bytes for step in steps) == steps[-1].after_bytes - sum(objects)
    return Fraction(steps[-1].after_bytes)


def test_small_blocks_on_raidz2_of_six_take_three_bytes_for_one() -> None:
    assert raw_of(layout(raidz(4, 2, 8192), None), 10**15) == 3 * 10**15


def test_sectors_of_512_bytes_are_padded_less() -> None:
    assert redundancy(raidz(4, 2, 8192, 512), Fraction(1)) == Fraction(24, 16)


@given(SECTORS)
def test_raidz_takes_at_least_its_parity(code: Code) -> None:
    assert redundancy(code, Fraction(1)) >= Fraction(code.fragments, code.k)
    allocated = code.stripe_sectors(code.block_sectors)
    assert code.kind == "draid" or allocated % (code.m + 1) == 0


@given(ROWS, st.integers(1, 10**5))
def test_draid_takes_whole_rows(code: Code, sectors: int) -> None:
    rows = -(-sectors // code.k)
    assert code.stripe_sectors(sectors) == rows * (code.k + code.m)


@pytest.mark.parametrize("size", [1, 4096, 5000, 32 * KIB])
def test_a_small_file_on_draid_takes_a_whole_row(size: int) -> None:
    # zpoolconcepts: the least allocation of 8 data drives with sectors of 4 KiB is 32 KiB.
    lay = layout(draid(8, 2, 128 * KIB), 4096, "lz4")
    assert raw_of(lay, size) == 10 * 4096


@given(SECTORS, st.lists(st.integers(1, 40 * 4 * KIB), min_size=1, max_size=12), st.booleans())
def test_compressed_blocks_never_take_more_than_estimated(
    code: Code, compressed: list[int], in_sectors: bool
) -> None:
    assert code.block_bytes is not None
    left = [min(each, code.block_bytes) for each in compressed]
    sectors = [-(-each // 4096) for each in left]
    stored = 4096 * sum(sectors) if in_sectors else sum(left)
    ratio = Fraction(code.block_bytes * len(left), stored)
    said = redundancy(code, ratio, 4096 if in_sectors else 1)
    assert said * stored >= 4096 * sum(map(code.stripe_sectors, sectors))


@given(SECTORS)
def test_blocks_that_do_not_compress_are_exact(code: Code) -> None:
    whole = Fraction(code.stripe_sectors(code.block_sectors), code.block_sectors)
    assert redundancy(code, Fraction(1)) == whole


@given(SECTORS, st.fractions(Fraction(1, 3), 100), st.fractions(Fraction(1, 3), 100))
def test_raidz_never_needs_more_for_data_that_compresses_better(
    code: Code, one: Fraction, other: Fraction
) -> None:
    less, more = sorted((one, other))
    assert redundancy(code, less) / less >= redundancy(code, more) / more


@given(SECTORS, st.fractions(Fraction(1, 3), 100))
def test_replicates_of_raidz_are_the_same_arithmetic(code: Code, ratio: Fraction) -> None:
    drawn = redundancy(code, np.array([float(ratio)]))
    assert drawn[0] == pytest.approx(float(redundancy(code, ratio)), rel=1e-9)


def test_raidz_survives_as_many_losses_as_it_has_parities() -> None:
    code = raidz(8, 2, 128 * KIB)
    assert tolerance(code) == 2
    assert window_loss(code, 0.01, 24) == window_loss(Code("rs", 8, 2), 0.01, 24)


def test_the_catalogued_raidz_state_their_padding() -> None:
    layouts = load_layouts()
    assert str(layouts["zfs-raidz2-8-2"].code) == "RAIDZ2 8+2, 128 KiB"
    assert redundancy(layouts["zfs-raidz2-8-2"].code, Fraction(1)) == Fraction(21, 16)
    assert redundancy(layouts["zfs-raidz2-8-2-vol8k"].code, Fraction(1)) == 3


@pytest.mark.parametrize(
    "code",
    [
        {"k": 4, "m": 2},
        {"k": 4, "m": 2, "block_bytes": 8192},
        {"k": 4, "m": 2, "block_bytes": 8192, "sector_bytes": 0},
        {"k": 4, "m": 2, "block_bytes": 8192, "sector_bytes": 3000},
        {"k": 4, "m": 2, "block_bytes": 512, "sector_bytes": 4096},
        {"k": 4, "m": 2, "block_bytes": 1 << 40, "sector_bytes": 4096},
        {"k": 4, "m": 4, "block_bytes": 8192, "sector_bytes": 4096},
        {"k": 4, "m": 0, "block_bytes": 8192, "sector_bytes": 4096},
        {"k": 4, "m": 2, "l": 2, "block_bytes": 8192, "sector_bytes": 4096},
        {"kind": "rs", "k": 4, "m": 2, "block_bytes": 8192, "sector_bytes": 4096},
    ],
)
def test_a_raidz_that_cannot_be_is_refused(code: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"kind": "raidz"} | code, Code)


# 5,000 bytes: 4 KiB on each of 11 and of 16 drives, twice 4 KiB on each of 3.
@pytest.mark.parametrize(
    ("name", "raw_per_object"),
    [
        ("ceph-ec-8-3", 11 * 4096),
        ("ceph-ec-4-2", 6 * 4096),
        ("ceph-replica-3", 3 * 8192),
        ("minio-12-4", 16 * 4096),
        ("backblaze-17-3", 20 * 4096),
        ("weka-16-2", 8192 * 18 // 16),
        ("zfs-raidz2-8-2", 6 * 4096),
        ("zfs-raidz2-8-2-vol8k", 6 * 4096),
    ],
)
def test_a_small_object_takes_a_unit_on_every_drive(name: str, raw_per_object: int) -> None:
    shipped: Layout[Any] = map_numbers(load_layouts()[name], exact)
    plain = msgspec.structs.replace(shipped, **NONE)
    assert raw_of(plain, *[5000] * 3000) == 3000 * raw_per_object


@pytest.mark.parametrize("name", ["azure-lrc-12-2-2", "vast-146-4", "rs-20-4"])
def test_systems_that_pack_objects_pad_none(name: str) -> None:
    shipped: Layout[Any] = map_numbers(load_layouts()[name], exact)
    assert object_padding(shipped, sizes(*[10] * 1000), Fraction(1)) == 1


@given(st.lists(st.integers(1, 32 * KIB), min_size=1, max_size=50))
def test_objects_below_the_unit_take_one_each_exactly(objects: list[int]) -> None:
    small = [min(each, 32 * KIB - 1) for each in objects]
    assert raw_of(layout(Code("rs", 8, 3), 32 * KIB), *small) == 11 * 4 * KIB * len(small)


@given(st.integers(1, 10**12), st.integers(1, 64 * KIB))
def test_one_object_is_padded_exactly(size: int, unit: int) -> None:
    assert raw_of(layout(Code("replica", 1, 0), unit), size) == -(-size // unit) * unit


@given(st.integers(0, 40), st.integers(1, 100), st.integers(1, 64 * KIB))
def test_objects_of_one_power_of_two_are_padded_exactly(
    exponent: int, number: int, unit: int
) -> None:
    size = 1 << exponent
    raw = raw_of(layout(Code("replica", 1, 0), unit), *[size] * number)
    assert raw == -(-size // unit) * unit * number


@given(
    st.lists(st.integers(1, 10**6), min_size=1, max_size=50),
    st.integers(1, 64 * KIB),
    st.fractions(1, 20),
)
def test_mixed_sizes_are_off_by_less_than_a_unit_each(
    objects: list[int], unit: int, ratio: Fraction
) -> None:
    lay = layout(Code("replica", 1, 0), unit, "lz4")
    padded = sum(max(1, -(-size // (ratio * unit))) * unit for size in objects)
    said = raw_of(lay, *objects, ratio=ratio)
    assert padded - len(objects) * Fraction(unit, 2) <= said <= padded + len(objects) * unit + 1


@pytest.mark.parametrize("unit", [4, 16, 32, 48])
def test_spread_sizes_are_padded_by_half_a_unit_or_more(unit: int) -> None:
    random = np.random.default_rng(1)
    objects = [int(each) for each in random.lognormal(11, 1.5, 20_000) + 1]
    padded = sum(-(-size // (unit * KIB)) * unit * KIB for size in objects)
    said = raw_of(layout(Code("replica", 1, 0), unit * KIB), *objects)
    assert 0.995 * padded <= said <= 1.05 * padded


@given(
    st.sampled_from(
        [
            *(Code("rs", 8, 3), Code("replica", 1, 2), Code("lrc", 12, 2, 2)),
            *(raidz(8, 2, 128 * KIB), draid(8, 2, 128 * KIB)),
        ]
    ),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=20),
    st.fractions(Fraction(1, 2), 50),
    st.fractions(Fraction(1, 2), 50),
    st.sampled_from([1, 4096]),
)
def test_objects_that_compress_better_never_take_more(
    code: Code, objects: list[int], one: Fraction, other: Fraction, counted: int
) -> None:
    found, lay = sizes(*objects), layout(code, 4096, "lz4")
    if not found.data_bytes:
        return
    less, more = sorted((one, other))

    def raw(ratio: Fraction) -> Any:
        padded = object_padding(lay, found, ratio, counted)
        return padded * redundancy(code, ratio, counted) / ratio

    assert raw(less) >= raw(more)


@given(
    st.sampled_from([Code("rs", 8, 3), raidz(8, 2, 128 * KIB), draid(8, 2, 128 * KIB)]),
    st.lists(st.integers(1, 10**6), min_size=1, max_size=20),
    st.sampled_from([Fraction(1), Fraction(7, 4), Fraction(9)]),
)
def test_replicates_pad_by_the_same_arithmetic(
    code: Code, objects: list[int], ratio: Fraction
) -> None:
    found, lay = sizes(*objects), layout(code, 4096, "lz4")
    drawn = object_padding(lay, found, np.array([float(ratio)] * 2), 4096)
    once = object_padding(lay, found, ratio, 4096)
    assert drawn == pytest.approx([float(once)] * 2, rel=1e-6)


def test_empty_objects_take_metadata_alone() -> None:
    lay = layout(Code("rs", 8, 3), 32 * KIB)
    assert raw_of(lay, 0, 0, 0, 1 << 20) == raw_of(lay, 1 << 20)


def test_one_huge_file_changes_nothing() -> None:
    steps = object_padding(layout(Code("rs", 8, 3), 32 * KIB), sizes(10**12), Fraction(1))
    assert 1 <= steps < 1 + Fraction(1, 10**6)


def test_holes_hold_no_data_and_hide_no_padding() -> None:
    # 1 TB of holes around 1 MB, beside 5 MB in objects that take six and a half times their size.
    small = sizes(*[5000] * 1000)
    sparse = ObjectSizes(6 * 10**6, (*small.bins, *sizes(10**12).bins))
    added = 1000 * (32 * KIB - 5000)
    padding = object_padding(layout(Code("rs", 8, 3), 32 * KIB), sparse, Fraction(1))
    assert float(padding) == pytest.approx(1 + added / 6e6, rel=0.01)


def test_padding_that_compressed_blocks_have_already_is_not_added_again() -> None:
    # Two blocks of 4 KiB for each 5,000 bytes: the ratio says so, and a replica adds nothing.
    ratio, found = Fraction(5000, 8192), sizes(*[5000] * 1000)
    assert object_padding(layout(Code("replica", 1, 2), 4096, "lz4"), found, ratio, 4096) == 1
    ec = object_padding(layout(Code("rs", 8, 3), 32 * KIB, "lz4"), found, ratio, 4096)
    assert ec * 8192 == 32 * KIB


def test_objects_are_padded_after_compression_and_never_to_nothing() -> None:
    lay, objects = layout(Code("rs", 8, 3), 32 * KIB, "lz4"), [100_000] * 10
    unit_each = 10 * 11 * 4 * KIB
    assert raw_of(lay, *objects, ratio=400) == unit_each
    # To less than a unit on average, of which some are more.
    assert unit_each < raw_of(lay, *objects, ratio=4) < 1.3 * unit_each
    assert raw_of(lay, *[20_000] * 10, ratio=4) == unit_each


def test_deduplication_leaves_fewer_objects_and_not_smaller_ones() -> None:
    system = SystemReduction(dedup="fixed-4KiB", codec="none", source="the test")
    lay = msgspec.structs.replace(layout(Code("rs", 16, 2), 4096), reduction=system)
    assert raw_of(lay, *[5000] * 1000, ratio=2) == raw_of(lay, *[5000] * 500)


def test_a_catalogued_padding_that_is_larger_stays() -> None:
    lay = msgspec.structs.replace(layout(Code("rs", 8, 3), 32 * KIB), padding=Fraction(1, 10))
    assert raw_of(lay, 1 << 30) == Fraction((1 << 30) * 11 * 11, 80).__ceil__()


def test_small_files_on_raidz_are_blocks_of_their_own_size() -> None:
    # Two sectors take six with their parity; a record of 32 takes 42.
    lay = layout(raidz(8, 2, 128 * KIB), 4096, "lz4")
    assert raw_of(lay, *[5000] * 100) == 100 * 6 * 4096
    assert raw_of(lay, *[1000] * 100) == 100 * 3 * 4096
    assert raw_of(lay, *[128 * KIB] * 100) == 100 * 42 * 4096


def test_files_of_whole_sectors_on_raidz_are_those_around_their_mean() -> None:
    # As many of one sector as of two, as the ratio counts them: three and six with their parity.
    objects = [4096, 5000] * 50
    ratio = Fraction(sum(objects), 50 * 3 * 4096)
    lay = layout(raidz(8, 2, 128 * KIB), 4096, "lz4")
    assert raw_of(lay, *objects, ratio=ratio, counted=4096) == 50 * (3 + 6) * 4096


def test_the_last_record_of_a_file_is_whole_where_nothing_compresses() -> None:
    code, objects = raidz(8, 2, 128 * KIB), [1_000_000] * 100
    plain, packed = (raw_of(layout(code, 4096, c), *objects) for c in ("none", "lz4"))
    whole = 100 * 8 * 42 * 4096
    assert plain == pytest.approx(whole, rel=0.05)
    assert 1_000_000 * 100 * 21 / 16 < packed < plain


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("object_unit_bytes = {value = 0, kind = 'assumption'}", "object_unit_bytes"),
        ("copies = {value = 1.5, kind = 'assumption'}", r"copies must be a whole number"),
        ("copies = {value = 0, kind = 'assumption'}", r"copies must be a whole number"),
    ],
)
def test_a_layout_that_cannot_be_built_is_refused(tmp_path: Path, lines: str, named: str) -> None:
    with pytest.raises(StoreffError, match=named):
        load_layouts(written(tmp_path, "{kind = 'rs', k = 8, m = 3}", lines))


def test_an_object_on_raidz_is_padded_to_its_sectors_alone(tmp_path: Path) -> None:
    code = "{kind = 'raidz', k = 8, m = 2, block_bytes = 131072, sector_bytes = 4096}"
    line = "object_unit_bytes = {value = 131072, kind = 'assumption'}"
    with pytest.raises(StoreffError, match="object_unit_bytes must be the sector_bytes"):
        load_layouts(written(tmp_path, code, line))


@pytest.mark.parametrize(
    "system",
    [
        {"dedup": "none", "codec": "lz4", "allocation_bytes": 4096},
        {"dedup": "none", "codec": "lz4", "required_ratio": 0.5},
        {"dedup": "none", "codec": "none", "allocation_bytes": 4096, "required_ratio": 0.875},
        {"dedup": "cdc-8KiB", "codec": "lz4", "allocation_bytes": 4096, "required_ratio": 0.875},
    ],
)
def test_a_reduction_that_is_not_measured_is_refused(system: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"allocation_bytes|required_ratio"):
        msgspec.convert(system | {"source": "x"}, SystemReduction)


def written(folder: Path, code: str, *lines: str) -> Path:
    numbers = {"metadata": 0, "padding": 0, "rebuild_reserve": 0, "fill_limit": 1}
    plain = (f"{k} = {{value = {v}, kind = 'assumption'}}" for k, v in numbers.items())
    file = folder / "mine.toml"
    file.write_text("\n".join(itertools.chain(["[mine]", f"code = {code}"], plain, lines)))
    return file
