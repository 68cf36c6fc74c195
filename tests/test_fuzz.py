"""The fuzz target of the native scanner, tests/fuzz, on inputs made from seeds, so that it does not
rot. To look for inputs that reach new code, from the root of the repository:

    mkdir -p build/corpus
    clang -std=c11 -g -O2 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \\
        -fno-sanitize-coverage=trace-cmp -Icsrc tests/fuzz/case.c tests/fuzz/misuse.c \\
        tests/fuzz/model.c tests/fuzz/scanner.c csrc/*.c -lm -o build/fuzz
    ASAN_OPTIONS=quarantine_size_mb=4 build/fuzz -max_len=512 build/corpus

trace-cmp took a third of the time and reached no more code; the small quarantine saves a quarter of
it (2026-11-21). What fails is left in a file crash-..., which the program that ``build`` makes runs
as well: ``replay 1 0 crash-...``.
"""

from pathlib import Path

from support.sanitizers import ROOT, fixed_addresses, run, runtime

INPUTS = 2000
"""They reach every line of cutting, fingerprints, sketches and scanning that ten million inputs of
libFuzzer do, but one (2026-11-21), in a few seconds."""


def build(directory: Path, sanitize: str) -> str:
    sources = [*sorted((ROOT / "tests" / "fuzz").glob("*.c")), *sorted((ROOT / "csrc").glob("*.c"))]
    warnings = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"]
    program = str(directory / "replay")
    run(
        [
            "gcc",
            "-std=c11",
            "-g",
            "-O1",
            *warnings,
            f"-fsanitize={sanitize}",
            "-fno-sanitize-recover=all",
            f"-I{ROOT / 'csrc'}",
            *map(str, sources),
            "-lm",
            "-pthread",
            "-o",
            program,
        ],
        directory,
        {},
    )
    return program


def test_inputs_hold_under_address_and_undefined_behaviour_sanitizers(tmp_path: Path) -> None:
    for name in ("libasan.so", "libubsan.so"):
        runtime(name)
    program = build(tmp_path, "address,undefined")
    run([program, "1", str(INPUTS)], tmp_path, {"ASAN_OPTIONS": "quarantine_size_mb=4"})


def test_threads_share_nothing_under_thread_sanitizer(tmp_path: Path) -> None:
    runtime("libtsan.so")
    before = fixed_addresses()
    program = build(tmp_path, "thread")
    run([*before, program, "4", str(INPUTS // 10)], tmp_path, {"TSAN_OPTIONS": "halt_on_error=1"})
