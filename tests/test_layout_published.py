"""What makers, papers and users publish of layouts, each by name."""

from fractions import Fraction
from typing import Any

import pytest

from storeff.data import Assumption, exact, map_numbers
from storeff.layout import (
    Code,
    Data,
    Layout,
    ObjectSizes,
    SizeBin,
    usable_fraction,
    waterfall,
)
from storeff.layout.allocation import redundancy
from storeff.layout.cells import fewest_domains, with_cells

KIB = 1024
TB = 10**12
PLAIN = {"metadata": 0, "padding": 0, "rebuild_reserve": 0, "fill_limit": 1}


def stated(code: Code, packing: Any = "padded", **numbers: Any) -> Layout[Assumption]:
    given: dict[str, Any] = {
        name: Assumption(path=name, value=Fraction(number))
        for name, number in (PLAIN | numbers).items()
    }
    return Layout(name="x", code=code, packing=packing, **given)


def data(logical_bytes: Any, copies: Any = 1, objects: ObjectSizes | None = None) -> Any:
    return Data(
        logical_bytes=Assumption(value=Fraction(logical_bytes)),
        reduction_ratio=Assumption(value=Fraction(1)),
        copies=Assumption(value=Fraction(copies)),
        objects=objects,
    )


def raw_of(layout: Layout[Assumption], given: Any) -> Any:
    """Raw bytes for ``given`` data."""
    return waterfall(map_numbers(given, exact), map_numbers(layout, exact))[-1].after_bytes


def raw_of_object(layout: Layout[Assumption], size: int) -> Any:
    found = ObjectSizes(size, (SizeBin(1 << size.bit_length(), 1, size),))
    return raw_of(layout, data(size, objects=found))


# WEKA, ssd-capacity-management: net = raw * (FD - HS) / FD * N / (N + P) * 0.9, in failure domains
# of 1 TB.
@pytest.mark.parametrize(
    ("code", "spares", "raw_tb", "net_tb"),
    [(Code("rs", 6, 2), 1, 10, "6.075"), (Code("rs", 16, 2), 2, 20, "14.4")],
)
def test_weka_net_capacity(code: Code, spares: int, raw_tb: int, net_tb: str) -> None:
    layout = stated(
        code, spare_domains=spares, min_domains=code.fragments + 1, file_system_reserve="0.1"
    )
    net_bytes = Fraction(net_tb) * TB
    sized = with_cells(layout, data(net_bytes), Fraction(TB))
    assert raw_of(sized, data(net_bytes)) == raw_tb * TB
    assert usable_fraction(sized) * raw_tb == Fraction(net_tb)


@pytest.mark.parametrize(("k", "m", "healthy"), [(3, 2, 3), (16, 2, 9), (5, 4, 3), (16, 4, 5)])
def test_weka_minimum_healthy_failure_domains(k: int, m: int, healthy: int) -> None:
    assert fewest_domains(Code("rs", k, m)) == healthy


# The talk on Ceph's optimised erasure coding (Tentacle): 4+2, chunks of 16 KiB, an object of 4 KiB.
def test_ceph_fast_ec_small_object() -> None:
    units = {"object_unit_bytes": 4 * KIB, "stripe_unit_bytes": 16 * KIB}
    unpadded = stated(Code("rs", 4, 2), "unpadded", **units)
    padded = stated(Code("rs", 4, 2), object_unit_bytes=4 * 16 * KIB)
    assert raw_of_object(padded, 4 * KIB) == 98_304
    assert raw_of_object(unpadded, 4 * KIB) == 12_288


# Isilon-PowerScale-capacity-calculator, measured on a cluster of 5 nodes at N+2: 1188 KB of a file
# take 2040 KB. Stripes are of 3 + 2 units of 128 KiB, the parity of the last as long as its data.
def test_onefs_file_takes_a_stripe_of_its_own() -> None:
    units = {"object_unit_bytes": 8 * KIB, "stripe_unit_bytes": 128 * KIB}
    layout = stated(Code("rs", 3, 2), "file-striped", **units)
    assert raw_of_object(layout, 1188 * KIB) == 2040 * KIB


@pytest.mark.parametrize("parity", [1, 2, 3, 4])
def test_onefs_file_below_128_kib_is_mirrored(parity: int) -> None:
    units = {"object_unit_bytes": 8 * KIB, "stripe_unit_bytes": 128 * KIB}
    layout = stated(Code("rs", 16, parity), "file-striped", **units)
    assert raw_of_object(layout, 100 * KIB) == (parity + 1) * 104 * KIB


# OpenZFS issue 15467: dRAID2:6d:24c:0s of 1 TB drives has 1,396 metaslabs of 16 GiB, and shows
# 15,835,678,638,080 B: a factor of what 128 KiB take, in whole 512ths, and 128 GiB of slop.
def test_draid_space_of_24_drives() -> None:
    code = Code("draid", 6, 2, block_bytes=128 * KIB, sector_bytes=4 * KIB)
    allocatable = 1396 * 16 << 30
    deflated = int(512 * usable_fraction(stated(code)))
    assert (allocatable, deflated) == (23_983_097_380_864, 341)
    assert allocatable // 512 * deflated - (128 << 30) == 15_835_678_638_080


# OpenZFS documentation, RAIDZ: three drives of RAIDZ1 and one sector are a mirror. The others are
# widths of RAIDZ2 on 4 KiB sectors; at 128 KiB they are those of its tables.
@pytest.mark.parametrize(
    ("k", "m", "block_bytes", "overhead"),
    [
        (2, 1, 4 * KIB, 2.0),
        (3, 2, 128 * KIB, 1.6875),
        (4, 2, 128 * KIB, 1.5),
        (6, 2, 128 * KIB, 1.40625),
        (8, 2, 128 * KIB, 1.3125),
        (10, 2, 128 * KIB, 1.3125),
        (4, 2, 8 * KIB, 3.0),
        (8, 2, 8 * KIB, 3.0),
        (4, 2, 4 * KIB, 3.0),
        (5, 3, 4 * KIB, 4.0),
    ],
)
def test_raidz_overhead(k: int, m: int, block_bytes: int, overhead: float) -> None:
    code = Code("raidz", k, m, block_bytes=block_bytes, sector_bytes=4 * KIB)
    assert redundancy(code, Fraction(1)) == Fraction(overhead)


# MinIO, storage-class documentation: parity of 16 drives, rounded as published.
@pytest.mark.parametrize(
    ("parity", "published"),
    [(8, 2.00), (7, 1.79), (6, 1.60), (5, 1.45), (4, 1.34), (3, 1.23), (2, 1.14)],
)
def test_minio_overhead_of_16_drives(parity: int, published: float) -> None:
    overhead = 1 / usable_fraction(stated(Code("rs", 16 - parity, parity)))
    assert overhead == pytest.approx(published, abs=0.0125)


@pytest.mark.parametrize(
    ("code", "overhead"),
    [
        (Code("rs", 4, 2), 1.50),  # Ceph erasure-code documentation
        (Code("rs", 8, 3), 1.38),
        (Code("rs", 9, 3), 1.33),
        (Code("lrc", 12, 2, 2), 1.33),  # Huang et al., USENIX ATC 2012
        (Code("replica", 1, 2), 3.00),
    ],
)
def test_overhead_of_codes(code: Code, overhead: float) -> None:
    assert 1 / usable_fraction(stated(code)) == pytest.approx(overhead, abs=0.005)


# StorageGRID, what are erasure-coding schemes: an object of 10 MB.
@pytest.mark.parametrize(("k", "taken_mb"), [(4, "15"), (6, "13.3")])
def test_storagegrid_10_mb_object(k: int, taken_mb: str) -> None:
    taken = raw_of_object(stated(Code("rs", k, 2)), 10**7)
    assert taken == pytest.approx(float(taken_mb) * 10**6, abs=0.05e6)


# HDFS erasure-coding documentation: six blocks take 18 as three replicas, and nine as RS-6-3.
@pytest.mark.parametrize(("code", "blocks"), [(Code("replica", 1, 2), 18), (Code("rs", 6, 3), 9)])
def test_hdfs_file_of_six_blocks(code: Code, blocks: int) -> None:
    assert raw_of(stated(code), data(6 * 128 << 20)) == blocks * 128 << 20


# Cloudera, HDFS erasure coding: a file below one cell has as many parity blocks as any.
def test_hdfs_file_of_less_than_a_cell_takes_four_times_its_size() -> None:
    layout = stated(Code("rs", 6, 3), "unpadded", object_unit_bytes=1, stripe_unit_bytes=1 << 20)
    assert raw_of_object(layout, 1000) == 4000


# Muralidhar et al., f4, OSDI 2014: RS(10,4) in two data centres, or with their XOR in a third.
@pytest.mark.parametrize(("copies", "published"), [("2", "2.8"), ("1.5", "2.1")])
def test_f4_effective_replication(copies: str, published: str) -> None:
    assert raw_of(stated(Code("rs", 10, 4)), data(10**15, copies)) == Fraction(published) * 10**15


# VAST, understanding capacity: 146+4, and 8 % of the physical space kept.
def test_vast_overhead_is_not_the_whole_story() -> None:
    wide = Code("rs", 146, 4)
    assert 1 / usable_fraction(stated(wide)) == pytest.approx(1.0274, abs=5e-5)
    reserved = 1 / usable_fraction(stated(wide, gc_reserve="0.08"))
    assert reserved == pytest.approx(1.117, abs=5e-4)
