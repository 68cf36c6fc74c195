"""Where -o writes: nothing is destroyed, nothing lost, and what cannot be is said at once."""

import contextlib
import gzip
import json
import os
import random
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import COMMAND, shell, storeff

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory to scan, of one file."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "data").write_bytes(random.Random(1).randbytes(100_000))
    return tmp_path / "tree"


@contextlib.contextmanager
def mounted(*words: str | Path) -> Iterator[None]:
    """``mount`` with ``words``, the last of which is where."""
    done = subprocess.run(["mount", *map(str, words)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(words[-1])], check=True)


def is_report(path: Path) -> bool:
    return bool(json.loads(path.read_text())["schema_version"])


def test_a_report_that_is_replaced_keeps_its_mode(tree: Path, tmp_path: Path) -> None:
    old = tmp_path / "r.json"
    old.write_text("old")
    old.chmod(0o640)
    assert storeff("scan", tree, "-q", "-o", old).returncode == 0
    assert is_report(old)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert sorted(tmp_path.iterdir()) == [old, tree]


def test_a_new_report_has_the_mode_of_any_new_file(tree: Path, tmp_path: Path) -> None:
    done = shell("umask 027; storeff scan tree -q -o r.json", tmp_path)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((tmp_path / "r.json").stat().st_mode) == 0o640


@needs_root
def test_a_report_that_is_replaced_keeps_its_owner(tree: Path, tmp_path: Path) -> None:
    old = tmp_path / "r.json"
    old.write_text("old")
    os.chown(old, 12345, 23456)
    assert storeff("scan", tree, "-q", "-o", old).returncode == 0
    assert is_report(old)
    assert (old.stat().st_uid, old.stat().st_gid) == (12345, 23456)


def test_a_link_stays_and_its_target_is_written(tree: Path, tmp_path: Path) -> None:
    for target in ("old.json", "new.json"):
        link = tmp_path / f"to-{target}"
        link.symlink_to(target)
    (tmp_path / "old.json").write_text("old")
    for link in (tmp_path / "to-old.json", tmp_path / "to-new.json"):
        assert storeff("scan", tree, "-q", "-o", link).returncode == 0
        assert link.is_symlink()
        assert is_report(link)


def test_another_name_of_a_report_keeps_what_it_held(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("old")
    (tmp_path / "backup.json").hardlink_to(tmp_path / "r.json")
    assert storeff("scan", tree, "-q", "-o", tmp_path / "r.json").returncode == 0
    assert (tmp_path / "backup.json").read_text() == "old"


@needs_root
def test_a_device_is_written_to_and_stays_one(tree: Path, tmp_path: Path) -> None:
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("devices cannot be made here")
    assert storeff("scan", tree, "-q", "-o", device).returncode == 0
    assert stat.S_ISCHR(device.stat().st_mode)


def test_a_fifo_is_written_to_and_stays_one(tree: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    done = shell(
        "cat fifo > got & storeff scan tree -q -o fifo; code=$?; wait; exit $code", tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert is_report(tmp_path / "got")
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)


def test_a_fifo_that_nobody_reads_is_not_waited_for(tree: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    soon = "from storeff.commands import output; output.READER_SECONDS = 0.2"
    done = storeff("scan", tree, "-q", "-o", tmp_path / "fifo", before=soon)
    assert done.returncode == 1
    assert "nobody reads the FIFO" in done.stderr
    assert "cdc-64KiB" in done.stdout
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)


def test_a_process_may_take_the_report(tree: Path, tmp_path: Path) -> None:
    script = "storeff scan tree -q -o >(gzip > r.gz); while ! gzip -qt r.gz; do sleep 0.05; done"
    assert shell(script, tmp_path).returncode == 0
    assert b"schema_version" in gzip.decompress((tmp_path / "r.gz").read_bytes())


def test_an_open_descriptor_is_written_to_where_it_stands(tree: Path, tmp_path: Path) -> None:
    done = shell("exec 3>three; echo '#' >&3; storeff scan tree -q -o /dev/fd/3", tmp_path)
    assert done.returncode == 0
    first, rest = (tmp_path / "three").read_text().split("\n", 1)
    assert first == "#"
    assert json.loads(rest)["schema_version"]


@pytest.mark.parametrize("words", [("-o", "-"), ("-o", "-", "--json"), ("-o", "/dev/stdout")])
def test_stdout_gets_the_report_once_and_nothing_else(tree: Path, words: tuple[str, ...]) -> None:
    done = storeff("scan", tree, "-q", *words)
    assert json.loads(done.stdout)["schema_version"]
    assert done.stderr == ""


def test_the_file_that_stdout_goes_to_is_not_replaced(tree: Path, tmp_path: Path) -> None:
    for name in ("/dev/stdout", "same.json"):
        done = shell(f"storeff scan tree -q -o {name} > same.json", tmp_path)
        assert done.returncode == 0, done.stderr
        assert is_report(tmp_path / "same.json")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no/such/r.json", "make the directory"),
        ("tree", "Is a directory"),
        ("tree/", "Is a directory"),
        ("", "empty name"),
        ("tree/data/r.json", "Not a directory"),
        ("x" * 256, "File name too long"),
        ("loop", "Too many levels"),
        ("/dev/fd/9", "cannot write"),
        ("/dev/fd/99999999999999999999", "cannot write"),
        ("/proc/nothing", "cannot write"),
        ("\x1b[31m/r.json", r"cannot write \u001b[31m/r.json"),
    ],
)
def test_what_cannot_be_written_is_refused_before_reading(
    tree: Path, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    done = storeff("scan", tree, "-q", "-o", name, cwd=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert "\x1b" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ("--layout", "ceph-ec-8+3"),
        ("--drive", "qlc122"),
        ("--site", "nowhere"),
        ("--data", "broken"),
        ("--kernel", "mmx"),
        ("--exclude", "/"),
        ("-o", "no/r.json"),
    ],
)
def test_every_choice_is_looked_at_before_anything_is_read(
    tree: Path, tmp_path: Path, words: tuple[str, str]
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "drives.toml").write_text("[x")
    # At this rate reading takes longer than the test may.
    done = storeff("scan", tree, "-q", "--read-rate", "100B", *words, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_kernel_of_the_environment_is_named_for_what_it_is(tree: Path) -> None:
    done = storeff("scan", tree, env=os.environ | {"STOREFF_KERNEL": "mmx"})
    assert done.returncode == 2
    assert "STOREFF_KERNEL" in done.stderr


@pytest.mark.parametrize("name", ["tree/data", "link", "hard", "tree/new.json", "tree/../tree/new"])
def test_nothing_that_is_scanned_is_written_over(tree: Path, tmp_path: Path, name: str) -> None:
    before = (tree / "data").read_bytes()
    (tmp_path / "link").symlink_to(tree / "data")
    (tmp_path / "hard").hardlink_to(tree / "data")
    for source in (tree, tree / "data"):
        done = storeff("scan", source, "-q", "-o", name, cwd=tmp_path)
        if source.is_dir() or "new" not in name:
            assert done.returncode == 1
            assert "-o" in done.stderr
            assert done.stdout == ""
        assert (tree / "data").read_bytes() == before
    assert "new" in name or sorted(tree.iterdir()) == [tree / "data"]


def test_what_is_left_out_of_the_scan_may_be_written_in_it(tree: Path) -> None:
    for _ in range(2):
        words = ("-q", "--exclude", "*.json", "-o", "r.json", "--json")
        done = storeff("scan", ".", *words, cwd=tree)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["scan"]["files"] == 1


@needs_root
def test_a_file_that_is_scanned_under_another_mount_is_not_written_over(
    tree: Path, tmp_path: Path
) -> None:
    (tree / "below").mkdir()
    (tree / "below" / "data").write_bytes(b"data" * 1000)
    for part in (tree, tree / "below"):
        elsewhere = tmp_path / f"elsewhere-{part.name}"
        elsewhere.mkdir()
        with mounted("--bind", part, elsewhere):
            done = storeff("scan", tree, "-q", "-o", elsewhere / "data")
            assert done.returncode == 1
            assert "which is read" in done.stderr


def test_a_report_or_scenario_is_not_written_over(tree: Path, tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    assert storeff("scan", tree, "-q", "-o", report).returncode == 0
    before = report.read_bytes()
    for words in ((report, "--target", "1EB"), ("--scenario", report)):
        done = storeff("size", *words, "-o", report)
        assert done.returncode == 1
        assert "would replace" in done.stderr
        assert report.read_bytes() == before


@pytest.mark.parametrize("name", ["config.json", "hf_quant_config.json"])
def test_the_config_of_a_model_is_not_written_over(tmp_path: Path, name: str) -> None:
    config = {"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 2}
    config |= {"hidden_size": 64, "torch_dtype": "bfloat16"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "hf_quant_config.json").write_text("{}")
    before = (tmp_path / name).read_bytes()
    done = storeff("kv", "--model", tmp_path / "config.json", "-o", tmp_path / name)
    assert (done.returncode, done.stdout) == (1, "")
    assert "which is read" in done.stderr
    assert (tmp_path / name).read_bytes() == before
    assert storeff("kv", "--model", tmp_path / "config.json", "-o", tmp_path / "r").returncode == 0


@needs_root
def test_a_full_disk_loses_neither_the_answer_nor_the_old_report(
    tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "small").mkdir()
    with mounted("-t", "tmpfs", "-o", "size=8k", "none", tmp_path / "small"):
        old = tmp_path / "small" / "r.json"
        old.write_text("old")
        done = storeff("scan", tree, "-q", "-o", old)
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        assert "on stdout alone" in done.stderr
        assert "cdc-64KiB" in done.stdout
        assert old.read_text() == "old"
        assert list(old.parent.iterdir()) == [old]


def test_a_late_failure_leaves_the_report_on_stdout(tree: Path) -> None:
    done = storeff("scan", tree, "-q", "-o", "/dev/full", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["complete"] is True
    assert "cannot write /dev/full" in done.stderr


@needs_root
def test_a_file_mounted_on_its_own_is_written_in_place(tree: Path, tmp_path: Path) -> None:
    for name in ("outside.json", "inside.json"):
        (tmp_path / name).write_text("old" * 100_000)
    with mounted("--bind", tmp_path / "outside.json", tmp_path / "inside.json"):
        assert storeff("scan", tree, "-q", "-o", tmp_path / "inside.json").returncode == 0
    assert is_report(tmp_path / "outside.json")


@pytest.mark.parametrize("words", [("scan", "tree", "-q"), ("layouts",), ("schema",), ("--help",)])
def test_a_full_stdout_is_one_line(tree: Path, words: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        done = storeff(*words, stdout=full, cwd=tree.parent)
    assert done.returncode == 1
    assert done.stderr == "storeff: cannot write to stdout: No space left on device\n"


@pytest.mark.parametrize("words", [("scan", "tree", "-q", "--json"), ("schema",), ("--help",)])
def test_a_reader_that_left_ends_it_without_a_word(tree: Path, words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = storeff(*words, stdout=writing, cwd=tree.parent)
    finally:
        os.close(writing)
    assert done.returncode == -13
    assert done.stderr == ""


def test_a_reader_that_left_does_not_take_the_file_with_it(tree: Path, tmp_path: Path) -> None:
    done = shell("storeff scan tree -q -o r.json | true", tmp_path)
    assert "Traceback" not in done.stderr
    assert is_report(tmp_path / "r.json")


@pytest.mark.parametrize(
    ("closed", "code"), [("<&-", 0), ("2>&-", 0), (">&-", 1), ("<&- >&- 2>&-", 1)]
)
def test_closed_streams_are_no_surprise(tree: Path, tmp_path: Path, closed: str, code: int) -> None:
    done = shell(f"storeff scan tree {closed}", tmp_path)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    if closed == ">&-":
        assert "stdout is closed" in done.stderr
    done = shell(f"storeff scan tree -q -o r.json {closed}", tmp_path)
    assert done.returncode == 0
    assert is_report(tmp_path / "r.json")
    for words in ("layouts", "frobnicate"):
        done = shell(f"storeff {words} {closed}", tmp_path)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("frob\x1b[31m\u202enicate",),
        ("--frob\x1b[31m\u202enicate",),
        ("scan", "\x1b[31m\u202enowhere\nstoreff: all is well"),
        ("scan", ".", "--layout", "\x1b[31m\u202e"),
        ("scan", ".", "--data", "\x1b[31m\u202e"),
        ("size", "\x1b[31m\u202e"),
    ],
)
def test_words_from_outside_reach_no_terminal_raw(words: tuple[str, ...]) -> None:
    done = storeff(*words)
    assert done.returncode in (1, 2)
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr
    assert "\nstoreff: all" not in done.stderr


def test_stderr_that_takes_nothing_changes_nothing(tree: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "scan", str(tree)], stdout=subprocess.PIPE, stderr=full, text=True
        )
    assert done.returncode == 0
    assert "cdc-64KiB" in done.stdout


def test_text_that_stdout_cannot_encode_is_no_failure(tree: Path) -> None:
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    (tree / "pipe\u00e4").mkdir()
    done = storeff("scan", tree / "pipe\u00e4", "-q", env=env)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
