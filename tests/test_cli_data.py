"""A user's own numbers at the command line: --data, --scenario, --toml, and names that are near."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import cli

GOLDEN = Path(__file__).parent / "golden"
EX50 = (GOLDEN / "ex50.toml").read_text()


def storeff(*words: str | Path, code: int = 0) -> "subprocess.CompletedProcess[str]":
    done = cli.storeff(*words)
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return done


def sized(*words: str | Path) -> Any:
    return json.loads(storeff(*words, "--json").stdout)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report")
    (directory / "file").write_bytes(os.urandom(200_000))
    storeff("scan", directory / "file", "-q", "-o", directory / "r.json")
    return directory / "r.json"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


def bill(report: Path, *words: str | Path) -> Any:
    words = ("size", report, "--target", "50EB", "--layout", "weka-16-2", *words)
    return sized(*words)["layouts"][0]["bill"]


@pytest.fixture(scope="module")
def plain(report: Path) -> Any:
    return bill(report)


@pytest.fixture(scope="module")
def ex50() -> Any:
    """The layout of the worked example, as it was sized."""
    return sized("size", "--scenario", GOLDEN / "ex50.toml")["layouts"][0]


def test_a_capacity_in_terabytes_is_the_one_in_bytes(report: Path, data: Path, plain: Any) -> None:
    (data / "drives.toml").write_text(
        '[qlc-122]\ncapacity_bytes = { value = 122.88, unit = "TB", kind = "assumption" }\n'
    )
    assert bill(report, "--data", data) == plain


def test_what_drives_prints_as_toml_is_what_data_takes(
    report: Path, data: Path, plain: Any
) -> None:
    for name in ("drives", "layouts"):
        (data / f"{name}.toml").write_text(storeff(name, "--toml").stdout)
    assert bill(report, "--data", data) == plain
    for name in ("drives", "layouts"):
        for form in ("--toml", "--json"):
            assert storeff(name, form, "--data", data).stdout == storeff(name, form).stdout


def test_json_and_toml_are_not_printed_at_once() -> None:
    assert "either --json or --toml" in storeff("drives", "--json", "--toml", code=2).stderr


def test_a_price_of_the_users_own_is_listed_as_theirs(report: Path, data: Path) -> None:
    (data / "drives.toml").write_text("[qlc-122]\nprice = 30000\n")
    words = ("size", report, "--layout", "weka-16-2", "--data", data)
    rows = {row["path"]: row for row in sized(*words)["assumptions"]}
    price = rows["drives.qlc-122.price"]
    assert (price["value"], price["unit"], price["low"]) == (30000, "USD", None)
    assert (price["source"], price["kind"]) == (None, "typed")


def test_a_users_shelf_life_is_read(report: Path, data: Path) -> None:
    (data / "shelf_life.toml").write_text("[default]\nprice_days = 36500\nother_days = 36500\n")
    words = ("size", report, "--layout", "weka-16-2", "--data", data)
    rows = sized(*words)["assumptions"]
    assert not any(row["stale"] for row in rows if row["true_on"])
    # However long prices keep: one without a date does not.
    assert {row["stale"] for row in rows if row["unit"] == "USD" and not row["true_on"]} == {True}


@pytest.mark.parametrize(
    ("file", "nearest"),
    [("drive.toml", "drives.toml"), ("Drives.toml", "drives.toml"), ("gpu.toml", "gpus.toml")],
)
def test_a_misspelt_catalogue_is_an_error_before_anything_is_read(
    data: Path, file: str, nearest: str
) -> None:
    (data / file).write_text("[a]\n")
    done = storeff("scan", data / "nowhere", "--data", data, code=1)
    assert f"holds what is no catalogue: '{file}' (did you mean '{nearest}'?)" in done.stderr
    assert "layouts.toml, drives.toml" in done.stderr


def test_a_mistake_in_a_catalogue_is_an_error_before_anything_is_read(data: Path) -> None:
    (data / "sites.toml").write_text("[colocation-us]\npue = 0.5\n")
    done = storeff("scan", data / "nowhere", "--data", data, code=1)
    assert "sites.colocation-us.pue must be a number from 1 to 10, not 0.5" in done.stderr


@pytest.mark.parametrize("names", [[], ["README.md", "drives.toml~", ".drives.toml.swp"]])
def test_a_folder_without_a_catalogue_is_an_error(data: Path, names: list[str]) -> None:
    for name in names:
        (data / name).write_text("x")
    assert "holds no catalogue" in storeff("drives", "--data", data, code=1).stderr


def test_other_files_beside_a_catalogue_are_the_users_own(data: Path, tmp_path: Path) -> None:
    for name in ("README.md", "drives.toml~", ".#drives.toml", "drives.csv"):
        (data / name).write_text("not TOML")
    (data / ".git").mkdir()
    (tmp_path / "elsewhere").write_text("[qlc-122]\nprice = 1\n")
    (data / "drives.toml").symlink_to(tmp_path / "elsewhere")
    found = json.loads(storeff("drives", "--json", "--data", data).stdout)
    assert found["qlc-122"]["price"]["value"] == 1


def test_a_users_gpu_is_known_to_kv(data: Path) -> None:
    (data / "gpus.toml").write_text("[mine]\nprefill_tokens_per_second = 1000\nprice_per_hour=1\n")
    trace = data / "trace.jsonl"
    trace.write_text(
        "".join(
            json.dumps({"timestamp": i * 60_000, "input_length": 512, "hash_ids": [i % 3]}) + "\n"
            for i in range(20)
        )
    )
    words: list[str | Path] = ["kv", trace, "--model", "llama-2-7b", "--ttl", "10m", "-q"]
    words += ["--data", data, "--block-tokens", "512", "--layout", "weka-16-2", "--target", "1PB"]
    rows = sized(*words, "--gpu", "mine")["kv"]["retention"]["rows"]
    assert rows[0]["recompute_usd_per_million_tokens"]["value"] == pytest.approx(1e6 / 3.6e6)
    assert "did you mean 'mine'?" in storeff(*words, "--gpu", "mien", code=2).stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("price = 27000", "price = nan", "drive.price must be a number from 0 to 1e+15 USD"),
        ("metadata = 0.02", "metadata = 2", "layout.metadata must be a fraction from 0 to 1"),
        ("service_level = 0.99", "service_level = 99", "spares.service_level must be a prob"),
        ("service_level = 0.99", "service_level = 1", "spares.service_level must be a prob"),
        ("duty = 0.30", "duty = 30", "drive.duty must be a fraction of time from 0 to 1"),
        ("pue = 1.20", "pue = 0.5", "site.pue must be a number from 1 to 10, not 0.5"),
        ("discount_rate = 0.08", "discount_rate = 500", "finance.discount_rate must be"),
        ("\nyears = 5", "\nyears = 200_000", "finance.years must be a whole number from 1 to 100"),
        ("copies = 1", "copies = 0", "data.copies must be a number from 1 to 1000"),
        ("kilowatts = 17", "kilowatts = 17000", "rack.kilowatts must be a number above 0"),
        ("k = 20, m = 4", "k = 20, m = -1", "layout.code: a code needs k >= 1, m >= 0"),
        ("k = 20, m = 4", "k = 20_000, m = 4", "layout.code: a code has at most 512 fragments"),
        (
            'code = { kind = "rs", k = 20, m = 4 }',
            "code = { kind = 'raidz', k = 4, m = 2, block_bytes = 8192, sector_bytes = 4096 }\n"
            "object_unit_bytes = 512",
            "layout object_unit_bytes must be the sector_bytes of its code, 4,096 B",
        ),
        (
            "price = 5000",
            "price = {value = 5, unit = 'JPY'}",
            "not in USD as the other prices: rack",
        ),
        ('currency = "USD"', 'currency = "dollars"', "currency: "),
        ("[drive]", "[drvie]", "drvie is not a key (did you mean 'drive'?)"),
    ],
)
def test_a_scenarios_wrong_number_is_refused_by_its_key(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in EX50
    path = tmp_path / "s.toml"
    path.write_text(EX50.replace(old, new, 1))
    done = storeff("size", "--scenario", path, code=1)
    assert message in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("metadata = 0.02", "metadata = { value = 2, unit = '%' }"),
        ("kilowatts = 17", "kilowatts = { value = 17000, unit = 'W' }"),
        ("mtbf_hours = 2_000_000", "mtbf_hours = { value = 7.2e9, unit = 's' }"),
        ("price_per_kwh = 0.08", "price_per_kwh = { value = 80, unit = 'USD/MWh' }"),
        ("\nyears = 5", "\nyears = { value = 60, unit = 'months' }"),
        ("lead_weeks = 26", "lead_weeks = { value = 182, unit = 'days' }"),
        ("grid_g_co2e_per_kwh = 400", "grid_g_co2e_per_kwh = {value=0.4, unit='kgCO2e/kWh'}"),
    ],
)
def test_a_number_in_another_unit_gives_the_same_bill(
    tmp_path: Path, ex50: Any, old: str, new: str
) -> None:
    path = tmp_path / "s.toml"
    path.write_text(EX50.replace(old, new, 1))
    assert path.read_text() != EX50
    own = sized("size", "--scenario", path)["layouts"][0]["bill"]
    assert own == ex50["bill"]


def test_a_scenario_in_another_currency_is_a_bill_in_it(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(EX50.replace('"USD"', '"EUR"'))
    found = sized("size", "--scenario", path)
    assert found["currency"] == "EUR"
    assert {row["unit"] for row in found["assumptions"] if "price" in row["path"]} == {
        "EUR",
        "EUR/kWh",
        "1/year",
    }


def test_a_stripe_without_parity_is_sized_and_said_to_lose_data(tmp_path: Path, ex50: Any) -> None:
    path = tmp_path / "s.toml"
    path.write_text(EX50.replace("k = 20, m = 4", "k = 20, m = 0"))
    found = sized("size", "--scenario", path)
    layout = found["layouts"][0]
    assert layout["raw_bytes"]["value"] == pytest.approx(ex50["raw_bytes"]["value"] * 20 / 24)
    assert layout["codec"] is None
    codes = [warning["code"] for warning in found["warnings"]]
    assert codes == ["stale-assumptions", "no-redundancy", "not-in-bill"]
    assert "losing any drive loses data" in storeff("size", "--scenario", path).stdout


@pytest.mark.parametrize("code", ["{ kind = 'rs', k = 16, m = 0 }", "{kind='replica', k=1, m=0}"])
def test_without_parity_the_nines_are_those_of_its_drives(
    report: Path, data: Path, code: str
) -> None:
    (data / "layouts.toml").write_text(f"[weka-16-2]\ncode = {code}\n")
    words = ("size", report, "--layout", "weka-16-2", "--data", data, "--durability", "none")
    layout = sized(*words)["layouts"][0]
    drives = 16 if "rs" in code else 1
    lost = layout["durability"]["annual_loss_probability_markov"]
    assert lost == pytest.approx(1 - 2.718281828459045 ** (-0.01 * drives))
    storeff(*words)


def test_a_scenario_may_come_through_a_pipe() -> None:
    with open(GOLDEN / "ex50.toml", "rb") as file:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "storeff", "size", "--scenario", "/dev/stdin"],
            input=file.read(),
            capture_output=True,
            timeout=120,
        )
    assert done.returncode == 0
    assert b"304,000 drives" in done.stdout


def test_a_scenario_that_is_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "s.toml")
    assert "nothing writes to" in storeff("size", "--scenario", tmp_path / "s.toml", code=1).stderr


@pytest.mark.parametrize(
    ("words", "code", "nearest"),
    [
        (["scann"], 2, "scan"),
        (["size", "REPORT", "--layout", "weka16-2"], 2, "weka-16-2"),
        (["size", "REPORT", "--layout", "weka-16-2", "--drive", "QLC122"], 1, "qlc-122"),
        (["size", "REPORT", "--layout", "weka-16-2", "--site", "colocation"], 1, "colocation-us"),
        (["kv", "--model", "lama-3.1-70b"], 2, "llama-3.1-70b"),
        (["scan", "REPORT", "-q", "--kernel", "scaler"], 2, "scalar"),
        (["kv", "--model", "llama-3.1-70b", "--cache-format", "bf-16"], 2, "bf16"),
        (["kv", "REPORT", "--time-unit", "MS"], 2, "ms"),
    ],
)
def test_a_name_that_is_not_known_is_answered_with_the_nearest(
    report: Path, words: list[str], code: int, nearest: str
) -> None:
    given = [str(report) if word == "REPORT" else word for word in words]
    assert f"did you mean '{nearest}'?" in storeff(*given, code=code).stderr
