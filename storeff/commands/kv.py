"""storeff kv: KV caches, from dumps and traces to retention, drives and money."""

import math
import os
import stat
import threading
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from storeff.commands import EXIT_NOT_COVERED, EXIT_OK
from storeff.commands.deliver import Delivery, command_line
from storeff.commands.interrupt import stop_on_interrupt
from storeff.commands.options import SizingOptions, caching_options, quiet_option, seed_option
from storeff.commands.parameters import Choice, Durations, Size
from storeff.errors import StoreffError, pick
from storeff.interrupts import EXIT_INTERRUPTED
from storeff.scan.machine import check_address_space

TRACE_SUFFIXES = (".jsonl", ".json", ".csv")
PACKED_SUFFIXES = (".gz", ".zst")
# Those of storeff.kv, which --help would be slower to import; a test holds them equal.
CACHE_FORMATS = (
    *("f32", "bf16", "f16", "fp8", "int8-tensor", "int8", "int4", "nvfp4", "q8_0", "q4_0"),
)
TIME_UNITS = ("s", "ms", "us", "ns")
BLOCK_TOKENS_MAX = 1 << 20


class Finite(click.FloatRange):
    """A number in a range: neither infinite nor NaN, which click lets through."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


@click.command(
    epilog="""\b
Examples:
  storeff kv --model llama-3.1-70b
  storeff kv /var/lib/lmcache --model config.json
  storeff kv trace.jsonl.gz --model llama-3.1-70b --ttl 10m,1d --time-unit ms

\b
Exit codes:
  0 ok   1 error   2 usage   3 finished, but something was not covered
  130 interrupted: what was measured is reported; a second one stops at once"""
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--model", metavar="NAME|CONFIG", help="A model of the catalogue, or its config.json."
)
@click.option(
    "--cache-format",
    type=Choice(CACHE_FORMATS),
    help="[default: what the model's config says, else its dtype]",
)
@click.option("--tokens", type=click.IntRange(min=1), help="Length to show the formula at.")
@click.option(
    "--block-tokens",
    type=click.IntRange(1, BLOCK_TOKENS_MAX),
    help="Tokens in each block of the trace [default: detected from its lengths].",
)
@click.option(
    "--time-unit",
    type=Choice(TIME_UNITS),
    help="Unit of the trace's times [default: as its format or its header says].",
)
@click.option(
    "--ttl",
    "ttls",
    type=Durations(),
    multiple=True,
    help="Evict blocks idle longer than this, such as 10m or 7d; repeatable, or 10m,1d,7d. "
    "The last one is sized and billed.",
)
@click.option(
    "--capacity",
    "capacities",
    type=Size(),
    multiple=True,
    help="Replay an LRU cache of this size; repeatable; needs --model.",
)
@click.option(
    "--requests-per-second",
    type=Finite(min=0, min_open=True),
    help="Scale the trace's traffic to this rate.",
)
@click.option(
    "--gpus", type=click.IntRange(min=1), help="Or scale it to this many GPUs; needs --trace-gpus."
)
@click.option(
    "--trace-gpus", type=click.IntRange(min=1), help="GPUs that served the trace; with --gpus."
)
@click.option("--gpu", metavar="NAME", help="GPU for recomputing, of the gpus catalogue.")
@click.option(
    "--waf",
    type=Finite(min=1),
    default=1.0,
    show_default=True,
    help="Write amplification factor, over what the drive's rating assumes.",
)
@click.option(
    "--lossless", is_flag=True, help="Count on the best lossless method measured on the dumps."
)
@click.option("--sample", type=Size(), default="64MB", show_default=True, help="Dumps to read.")
@click.option("-x", "--one-file-system", is_flag=True, help="Do not leave the file system.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out matching names.")
@seed_option
@quiet_option
@caching_options
def command(
    paths: tuple[Path, ...],
    model: str | None,
    cache_format: Any,
    tokens: int | None,
    block_tokens: int | None,
    time_unit: Any,
    ttls: tuple[tuple[float, ...], ...],
    capacities: tuple[int, ...],
    requests_per_second: float | None,
    gpus: int | None,
    trace_gpus: int | None,
    gpu: str | None,
    waf: float,
    lossless: bool,
    sample: int,
    one_file_system: bool,
    exclude: tuple[str, ...],
    seed: int,
    quiet: bool,
    sizing: SizingOptions,
    delivery: Delivery,
) -> int:
    """Measure KV-cache dumps, replay a trace, and size how long caches can be kept.

    PATHS are directories or files of dumps, and at most one trace (.jsonl, .json or .csv, packed
    as .gz or .zst or not). With --model alone, the formula of its bytes a token is shown.
    """
    check_address_space()
    from datetime import UTC, date, datetime
    from functools import partial

    import msgspec

    from storeff.commands.progress import shown_progress
    from storeff.kv.retention.flash import load_gpus, retention
    from storeff.kv.trace.replay import Caches
    from storeff.report import kv as report
    from storeff.report.build import assemble, describe_run, size_all
    from storeff.report.model import Kv

    traces = [path for path in paths if is_trace(path)]
    dumps = [path for path in paths if path not in traces]
    wanted = tuple(seconds for several in ttls for seconds in several)
    scaling = {
        "requests_per_second": requests_per_second,
        "gpus": gpus,
        "trace_gpus": trace_gpus,
    }
    _check_words(paths, traces, dumps, model, wanted, capacities, scaling, gpu, lossless)
    started = datetime.now(UTC)
    stop = threading.Event()
    stop_on_interrupt(stop)
    storage = sizing.storage()
    extra, layouts, target = storage.files, sizing.layouts, sizing.target
    chosen: Any = None
    configs: list[Path] = []
    if model is not None:
        chosen, configs = _model(model, extra)
    read = (*paths, *extra.values(), *configs)
    delivery.check(read, exclude=exclude, one_file_system=one_file_system)
    scenarios = storage.scenarios
    recomputing = None if gpu is None else pick(load_gpus(extra.get("gpus")), gpu, "gpu")
    store = partial(report.flash_of, chosen, cache_format, waf=waf)
    if wanted:
        # A drive without a rating is noticed here.
        store(scenarios[0], compression_ratio=None)
    kv = Kv(model=None if chosen is None else report.describe_model(chosen, tokens, cache_format))
    sized: list[Any] = []
    caches = flows = failed = None
    scale = Fraction(1)
    with shown_progress(quiet) as progress:
        if traces:
            progress.phase("reading the trace")
            trace = _trace(traces[0], block_tokens, time_unit, stop)
            if trace is not None:
                caches = Caches(trace)
                scale, flows = _traffic(caches, wanted, scaling)
        if dumps and not stop.is_set():
            kv = _with_dumps(
                kv,
                dumps,
                chosen,
                budget_bytes=sample,
                one_file_system=one_file_system,
                exclude=exclude,
                seed=seed,
                stop=stop,
                progress=progress,
            )
        reference = layouts[0] if layouts else None
        if caches is not None and not stop.is_set():
            progress.phase("replaying the trace")
            kv = _with_replay(kv, caches, wanted, capacities)
        if caches is not None and flows is not None and kv.trace is not None:
            try:
                ratio = report.measured_ratio(kv.survey) if lossless else None
                flash = store(scenarios[0], compression_ratio=ratio)
                sized = report.kv_scenarios(flows, scale, flash, target, scenarios)
                # The headline and the rows of retention are about one layout.
                about = report.most_efficient(sized) if sized and not layouts else scenarios[0]
                reference = about.layout.name
                flash = store(about, compression_ratio=ratio)
                rows = retention(
                    caches, wanted, flash, scale=scale, gpu=recomputing, admissions=(1, 2)
                )
                described = report.describe_retention(
                    rows, scale, kv.trace, reference, sizing.drive, flash, target, wanted[-1]
                )
                kv = msgspec.structs.replace(kv, retention=described)
            except StoreffError as error:
                failed = error
        costs = None
        if sized:
            costs = size_all(
                sized,
                seed,
                today=date.today(),
                reference=reference,
                shelf_life=extra.get("shelf_life"),
                measure_again=sizing.measure_codes,
                on_layout=lambda name: progress.phase(f"sizing {name}"),
            )
        run = describe_run(command_line(), seed, started)
        made = assemble(run, sizing=costs, target_bytes=target, kv=kv)
        made = report.with_missing(made, interrupted=stop.is_set(), trace_given=bool(traces))
    delivery.deliver(made)
    if failed is not None:
        raise failed
    if stop.is_set():
        return EXIT_INTERRUPTED
    return EXIT_OK if made.complete else EXIT_NOT_COVERED


def is_trace(path: Path) -> bool:
    """Whether ``path`` is a file with the name of a trace."""
    name = path.name.lower()
    for suffix in PACKED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name.endswith(TRACE_SUFFIXES) and path.is_file()


def _check_words(
    paths: tuple[Path, ...],
    traces: list[Path],
    dumps: list[Path],
    model: str | None,
    ttls: tuple[float, ...],
    capacities: tuple[int, ...],
    scaling: dict[str, Any],
    gpu: str | None,
    lossless: bool,
) -> None:
    """Raises a usage error for choices that do not go together, StoreffError for a path that is
    neither a file nor a directory: before anything is read."""
    if len(traces) > 1:
        raise click.UsageError("give one trace at a time")
    if not paths and model is None:
        raise click.UsageError("give PATHS of dumps or a trace, or --model")
    if not traces and (ttls or capacities):
        raise click.UsageError(
            "--ttl and --capacity replay a trace: give one (.jsonl, .json, .csv)"
        )
    if (ttls or capacities) and model is None:
        raise click.UsageError("--ttl and --capacity need the bytes of a token: give --model")
    if not ttls and (gpu or lossless or any(scaling.values())):
        raise click.UsageError("scaling, --gpu and --lossless are for retention: give --ttl")
    if scaling["requests_per_second"] and (scaling["gpus"] or scaling["trace_gpus"]):
        raise click.UsageError("scale by --requests-per-second, or by --gpus and --trace-gpus")
    if bool(scaling["gpus"]) != bool(scaling["trace_gpus"]):
        raise click.UsageError("--gpus and --trace-gpus go together")
    if lossless and not dumps:
        raise StoreffError(
            "--lossless needs dumps to be measured on", "name a directory of dumps beside the trace"
        )
    for path in dumps:
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            raise StoreffError(f"cannot read {path}: {error.strerror}") from error
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise StoreffError(
                f"{path} is neither a file nor a directory",
                "write what it holds to a file, and give that",
            )


def _model(name: str, extra: Mapping[str, Path]) -> tuple[Any, list[Path]]:
    """The model called ``name``, and the files that it was read from if it is a config.json."""
    from storeff.errors import did_you_mean
    from storeff.kv.models.config import QUANT_CONFIG, read_config
    from storeff.kv.models.model import load_models

    models = load_models(extra.get("models"))
    if name in models:
        return models[name], []
    if os.path.isdir(name):
        raise click.BadParameter(
            f"{name!r} is a directory: name the config.json in it", param_hint="--model"
        )
    if os.path.exists(name):
        config = Path(name)
        return read_config(config), [config, config.with_name(QUANT_CONFIG)]
    raise click.BadParameter(
        f"{name!r} is neither a file nor one of the models{did_you_mean(name, models)}; "
        f"they are {', '.join(models)}",
        param_hint="--model",
    )


def _trace(path: Path, block_tokens: int | None, time_unit: Any, stop: threading.Event) -> Any:
    """The trace at ``path``; None if ``stop`` was set before it was read."""
    from storeff.kv.trace.read import StoppedError, read_trace

    try:
        return read_trace(path, block_tokens=block_tokens, time_unit=time_unit, stop=stop)
    except StoppedError:
        return None


def _traffic(caches: Any, ttls: tuple[float, ...], scaling: dict[str, Any]) -> tuple[Fraction, Any]:
    """How many times the trace's traffic there is, and the flows of the TTL that is billed."""
    from storeff.kv.retention.flash import scale_to
    from storeff.kv.retention.flows import flows_of

    scale = scale_to(caches, **scaling) if any(scaling.values()) else Fraction(1)
    return scale, flows_of(caches, ttls[-1], 1) if ttls else None


def _with_dumps(
    kv: Any,
    roots: list[Path],
    model: Any,
    *,
    budget_bytes: int,
    one_file_system: bool,
    exclude: tuple[str, ...],
    seed: int,
    stop: threading.Event,
    progress: Any,
) -> Any:
    import msgspec

    from storeff.kv.measure.measurement import Plan
    from storeff.kv.measure.survey import survey
    from storeff.report.scanned import skipped_rows
    from storeff.sources.names import printable
    from storeff.sources.tree import LocalTree

    found, surveyed, census = survey(
        LocalTree(roots, one_file_system=one_file_system, exclude=exclude),
        model=model,
        plan=Plan(seed=seed),
        budget_bytes=budget_bytes,
        stop=stop,
        on_file=lambda path: progress.phase(printable(path)),
    )
    return msgspec.structs.replace(kv, dumps=found, survey=surveyed, skipped=skipped_rows(census))


def _with_replay(kv: Any, caches: Any, ttls: tuple[float, ...], capacities: tuple[int, ...]) -> Any:
    import msgspec

    from storeff.kv.trace.prefix import chunk_sharing
    from storeff.kv.trace.replay import replay
    from storeff.report.kv import CHUNK_BLOCKS, capacities_blocks

    blocks = capacities_blocks(caches.trace, capacities, kv.model)
    replayed = replay(caches, capacities_blocks=blocks, ttls_seconds=ttls, admissions=(1, 2))
    chunks = list(chunk_sharing(caches.trace, CHUNK_BLOCKS))
    return msgspec.structs.replace(kv, trace=replayed, chunks=chunks)
