"""Rounding by the OCP and IEEE specifications, sizes with scales and zeros, and errors of known
size."""

import itertools
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storeff.kv.dumps.dump import Dtype
from storeff.kv.measure import lossy
from storeff.kv.measure.extract import Block
from storeff.kv.measure.lossy import E4M3, E5M2, Fp8, Loss

Floats = npt.NDArray[np.float32]
FORMATS = {"e4m3": E4M3, "e5m2": E5M2}


def specified(code: int, form: Fp8) -> Fraction | None:
    """OFP8, section 5: the value of a code; None for NaN and infinity."""
    exponent_bits = 7 - form.mantissa_bits
    bias = (1 << exponent_bits - 1) - 1
    mantissa = code & (1 << form.mantissa_bits) - 1
    exponent = code >> form.mantissa_bits & (1 << exponent_bits) - 1
    if form is E4M3 and code & 0x7F == 0x7F:
        return None
    if form is E5M2 and exponent == 31:
        return None
    fraction = Fraction(mantissa, 1 << form.mantissa_bits)
    if exponent == 0:
        value = fraction * Fraction(2) ** (1 - bias)
    else:
        value = (1 + fraction) * Fraction(2) ** (exponent - bias)
    return -value if code & 0x80 else value


TABLES = {
    name: {code: value for code in range(256) if (value := specified(code, form)) is not None}
    for name, form in FORMATS.items()
}


def nearest(x: Fraction, table: dict[int, Fraction]) -> Fraction:
    """The nearest value; of two, the one whose code is even; the largest for all beyond."""
    return min(table.items(), key=lambda item: (abs(item[1] - x), item[0] & 1))[1]


def bf16(values: npt.NDArray[np.floating]) -> npt.NDArray[np.uint16]:
    return (values.astype("<f4").view("<u4") >> 16).astype(np.uint16)


def keys(tokens: int = 300, channels: int = 64, seed: int = 1) -> Block:
    values = np.random.default_rng(seed).standard_normal((tokens, channels))
    return Block("k", 0, "bf16", bf16(values), 32)


def found_in(block: Block, seed: int = 1) -> dict[str, Loss]:
    found = lossy.losses(block, seed)
    assert found is not None
    return found


# ---- 8-bit floating point ----


def test_the_published_limits_of_the_formats() -> None:
    """OFP8, table 1."""
    assert [max(table.values()) for table in TABLES.values()] == [Fraction(448), Fraction(57344)]
    positive = {n: [v for v in t.values() if v > 0] for n, t in TABLES.items()}
    assert min(positive["e4m3"]) == Fraction(1, 2**9)
    assert min(positive["e5m2"]) == Fraction(1, 2**16)
    assert [len(t) for t in TABLES.values()] == [254, 248]


@pytest.mark.parametrize(("dtype", "name"), [("f8e4m3", "e4m3"), ("f8e5m2", "e5m2")])
def test_all_256_codes_decode_as_specified(dtype: Dtype, name: str) -> None:
    codes = np.arange(256, dtype=np.uint8).reshape(1, 256)
    values = lossy.numbers(Block(None, None, dtype, codes))
    assert values is not None
    for code, value in enumerate(values[0].tolist()):
        told = TABLES[name].get(code)
        assert np.isnan(value) or np.isinf(value) if told is None else Fraction(value) == told
    infinite = np.flatnonzero(np.isinf(values[0])).tolist()
    assert infinite == ([0x7C, 0xFC] if name == "e5m2" else [])


@pytest.mark.parametrize("name", FORMATS)
def test_every_value_and_every_midpoint_rounds_as_specified(name: str) -> None:
    table = sorted(set(TABLES[name].values()))
    middles = [(a + b) / 2 for a, b in itertools.pairwise(table)]
    exact = np.array([float(x) for x in table + middles], np.float32)
    beside = [np.nextafter(exact, np.float32(to)) for to in (-np.inf, np.inf)]
    x = np.concatenate([exact, *beside]).astype(np.float32)
    rounded = lossy.round_fp8(x, FORMATS[name])
    for value, result in zip(x.tolist(), rounded.tolist(), strict=True):
        assert Fraction(result) == nearest(Fraction(value), TABLES[name])


@pytest.mark.parametrize("name", FORMATS)
@given(x=st.floats(width=32, allow_nan=False, allow_infinity=False))
@example(x=float(np.finfo(np.float32).max))
def test_any_number_rounds_as_specified(name: str, x: float) -> None:
    [rounded] = lossy.round_fp8(np.array([x], np.float32), FORMATS[name]).tolist()
    assert Fraction(rounded) == nearest(Fraction(x), TABLES[name])


# ---- sizes ----


@pytest.mark.parametrize(
    ("scheme", "ratio"),
    [
        ("int4, groups of 32 channels", 3.2),
        ("int8, groups of 32 channels", 64 / 36),
        ("fp8 e4m3", 2 * 300 * 64 / (300 * 64 + 4)),
        ("fp8 e5m2", 2 * 300 * 64 / (300 * 64 + 4)),
        ("int8, per channel", 600 / 304),
        ("int4, per channel", 600 / 154),
    ],
)
def test_sizes_hold_scales_and_zeros(scheme: str, ratio: float) -> None:
    block = keys()
    assert block.items.nbytes / found_in(block)[scheme].stored_bytes == ratio


def test_a_short_group_pays_for_its_own_scale_and_zero() -> None:
    block = keys(tokens=3, channels=33)
    block = Block("v", 0, "bf16", block.items)
    assert found_in(block)["int4, groups of 32 channels"].stored_bytes == 3 * (17 + 2 * 4)


# ---- errors ----


def relative_l2(loss: Loss) -> float:
    return float(np.sqrt(loss.error / loss.power))


def test_what_the_format_holds_exactly_has_no_error() -> None:
    levels = np.random.default_rng(2).integers(0, 16, (64, 64)).astype(float)
    levels[:, ::32], levels[:, 1::32], levels[0], levels[1] = 0, 15, 0, 15
    found = found_in(Block("v", 0, "bf16", bf16(levels)))
    for scheme in ("int4, groups of 32 channels", "int4, per channel"):
        assert found[scheme].error == 0
        assert found[scheme].product == found[scheme].power == found[scheme].rounded_power


@pytest.mark.parametrize(("bits", "steps"), [(4, 15), (8, 255)])
def test_integers_err_by_half_a_step_at_most(bits: int, steps: int) -> None:
    """Uniform numbers: the error of a step is uniform too, of variance step^2 / 12."""
    values = np.random.default_rng(3).uniform(-1, 1, (2000, 64))
    found = found_in(Block("v", 0, "bf16", bf16(values)))
    loss = found[f"int{bits}, per channel"]
    told = np.sqrt((2 / steps) ** 2 / 12 / (1 / 3))
    assert relative_l2(loss) == pytest.approx(told, rel=0.15)


@given(st.integers(0, 2**32), st.sampled_from([4, 8]))
def test_no_number_of_a_group_moves_by_more_than_half_a_step(seed: int, bits: int) -> None:
    x = np.random.default_rng(seed).normal(2, 5, (4, 32)).astype(np.float32)
    moved = np.abs(lossy._affine(x, bits) - x).max(-1)
    reach = x.max(-1) - x.min(-1)
    # f16 rounds the scale and the zero by at most 2^-11.
    slack = 2.0**-11 * (np.abs(x).max(-1) + reach)
    assert (moved <= reach / (2**bits - 1) / 2 + slack).all()


def test_more_bits_err_less() -> None:
    found = found_in(keys())
    order = ["int8, groups of 32 channels", "fp8 e4m3", "fp8 e5m2", "int4, groups of 32 channels"]
    errors = [relative_l2(found[scheme]) for scheme in order]
    assert errors == sorted(errors)


def test_outliers_in_a_channel_spoil_the_channels_that_share_their_groups() -> None:
    """What KIVI (arXiv 2402.02750) quantises keys by channel for."""
    x = np.random.default_rng(4).standard_normal((512, 64)).astype(np.float32)
    x[:, 5] *= 40
    errors = {}
    for name in ("int4, per channel", "int4, groups of 32 channels"):
        rounded, _ = lossy.SCHEMES[name](x)
        errors[name] = float(((rounded - x)[:, 6:32] ** 2).sum())
    assert errors["int4, per channel"] < errors["int4, groups of 32 channels"] / 5


def test_logits_of_white_keys_err_as_much_as_the_keys() -> None:
    loss = found_in(keys(tokens=2000))["fp8 e4m3"]
    logits = np.sqrt(loss.logit_error / loss.logit_power)
    assert logits == pytest.approx(relative_l2(loss), rel=0.1)


def test_softmax_does_not_see_what_all_keys_share() -> None:
    x = np.random.default_rng(5).standard_normal((200, 64)).astype(np.float32)
    queries = lossy._queries(x, 32, 1)
    power = lossy._logit_power(queries, x)
    assert lossy._logit_power(queries, x + 3) == pytest.approx(power, rel=1e-3)
    assert lossy._logit_power(queries, x * 2) == pytest.approx(4 * power, rel=1e-5)


def test_a_logit_is_the_product_by_the_root_of_the_head() -> None:
    rng = np.random.default_rng(6)
    q = rng.standard_normal((2, 3, 4)).astype(np.float32)
    k = rng.standard_normal((5, 8)).astype(np.float32)
    told = 0.0
    for head in range(2):
        for query in q[head]:
            logits = np.array([query @ key[4 * head : 4 * head + 4] / 2 for key in k])
            told += float(((logits - logits.mean()) ** 2).sum())
    assert lossy._logit_power(q, k) == pytest.approx(told, rel=1e-5)


def test_queries_have_the_covariance_of_the_keys_to_a_mean_variance_of_1_and_a_seed() -> None:
    rng = np.random.default_rng(7)
    x = (rng.standard_normal((4000, 8)) @ rng.standard_normal((8, 8))).astype(np.float32) + 9
    draws = np.concatenate([lossy._queries(x, 8, seed)[0] for seed in range(200)])
    told = np.cov(x.T) * 8 / np.trace(np.cov(x.T))
    assert np.cov(draws.T) == pytest.approx(told, abs=0.1)
    assert (lossy._queries(x, 8, 3) == lossy._queries(x, 8, 3)).all()


def test_only_keys_of_known_heads_have_logits() -> None:
    items = keys().items
    for block in (Block("v", 0, "bf16", items, 32), Block("k", 0, "bf16", items)):
        assert {loss.logit_power for loss in found_in(block).values()} == {0.0}
    assert all(loss.logit_power > 0 for loss in found_in(keys()).values())


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_infinities_and_nans_leave_the_error_unknown(value: float) -> None:
    values = np.ones((4, 32))
    values[2, 3] = value
    assert lossy.losses(Block("k", 0, "bf16", bf16(values), 32), 1) is None


@pytest.mark.parametrize("dtype", ["i8", "u8", "q8_0", None])
def test_integers_and_bytes_have_no_error_without_their_scales(dtype: Dtype | None) -> None:
    assert lossy.losses(Block("k", 0, dtype, np.ones((4, 34), np.uint8)), 1) is None


@pytest.mark.parametrize("scale", [0.0, 1e-38, 1e5, 3e38])
def test_any_scale_is_measured_without_a_warning(scale: float) -> None:
    values = np.random.default_rng(8).uniform(-1, 1, (40, 64)) * scale
    found = found_in(Block("k", 0, "bf16", bf16(values), 32))
    assert len(found) == len(lossy.SCHEMES)
    if scale == 1e5:
        # Beyond the zeros and scales that f16 holds: a loss, and it shows.
        assert relative_l2(found["int4, per channel"]) > 0.1
        assert relative_l2(found["fp8 e4m3"]) < 0.04
