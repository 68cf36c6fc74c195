"""storeff kv: KV caches, from dumps and traces to retention, drives and money."""

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from storeff.commands import EXIT_NOT_COVERED, EXIT_OK
from storeff.commands.options import Durations, Size, own_catalogues, pick, sizing_options

TRACE_SUFFIXES = (".jsonl", ".json", ".csv")
# Those of storeff.kv.formats, which --help would be slower to import; a test holds them equal.
CACHE_FORMATS = ("f32", "bf16", "f16", "fp8", "int8", "int4", "q8_0", "q4_0")


@click.command(
    epilog="""\b
Examples:
  storeff kv --model llama-3.1-70b
  storeff kv /var/lib/lmcache --model config.json
  storeff kv trace.jsonl --model llama-3.1-70b --ttl 10m --ttl 1d --requests-per-second 500
\b
Exit codes:
  0 ok   1 error   2 usage   3 finished, but something was not covered"""
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--model", metavar="NAME|CONFIG", help="A model of the catalogue, or its config.json."
)
@click.option("--cache-format", type=click.Choice(CACHE_FORMATS), help="[default: the model's]")
@click.option("--tokens", type=click.IntRange(min=1), help="Length to show the formula at.")
@click.option("--block-tokens", type=click.IntRange(min=1), help="Tokens of a trace's block.")
@click.option(
    "--ttl",
    "ttls",
    type=Durations(),
    multiple=True,
    help="Keep blocks so long after their last use, such as 10m or 7d; repeatable, or 10m,1d,7d. "
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
    type=click.FloatRange(min=0, min_open=True),
    help="Scale the trace's traffic to this.",
)
@click.option("--gpus", type=click.IntRange(min=1), help="Scale it to so many GPUs,")
@click.option("--trace-gpus", type=click.IntRange(min=1), help="of the so many that it is of.")
@click.option("--gpu", metavar="NAME", help="What would compute again, of the gpus catalogue.")
@click.option(
    "--waf",
    type=click.FloatRange(min=1),
    default=1.0,
    show_default=True,
    help="Flash writes for each write to a drive, over what its rating assumes.",
)
@click.option(
    "--lossless", is_flag=True, help="Count on the best lossless scheme measured on the dumps."
)
@click.option("--sample", type=Size(), default="64MB", show_default=True, help="Dumps to read.")
@click.option("-x", "--one-file-system", is_flag=True, help="Do not leave the file system.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out matching names.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@sizing_options
def command(
    paths: tuple[Path, ...],
    model: str | None,
    cache_format: Any,
    tokens: int | None,
    block_tokens: int | None,
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
    target: int | None,
    layouts: tuple[str, ...],
    drive: str,
    site: str,
    data_dir: Path | None,
    output: Path | None,
    as_json: bool,
) -> int:
    """Measure KV-cache dumps, replay a trace, and size how long caches can be kept.

    PATHS are directories or files of dumps, and at most one trace (.jsonl, .json or .csv). With
    --model alone, the formula of its bytes a token is shown.
    """
    from datetime import UTC, datetime

    from storeff.commands.deliver import command_line, deliver, today
    from storeff.commands.progress import shown_progress
    from storeff.report.build import assemble, describe_run
    from storeff.report.kv import describe_model
    from storeff.report.model import Kv

    traces = [path for path in paths if path.suffix in TRACE_SUFFIXES and path.is_file()]
    dumps = [path for path in paths if path not in traces]
    wanted = tuple(seconds for several in ttls for seconds in several)
    if len(traces) > 1:
        raise click.UsageError("give one trace at a time")
    if not paths and model is None:
        raise click.UsageError("give PATHS of dumps or a trace, or --model")
    if not traces and (wanted or capacities):
        raise click.UsageError(
            "--ttl and --capacity replay a trace: give one (.jsonl, .json, .csv)"
        )
    if (wanted or capacities) and model is None:
        raise click.UsageError("--ttl and --capacity need the bytes of a token: give --model")
    started = datetime.now(UTC)
    extra = own_catalogues(data_dir)
    chosen = None if model is None else _model(model, extra)
    kv = Kv(model=None if chosen is None else describe_model(chosen, tokens, cache_format))
    sized: list[Any] = []
    with shown_progress(quiet) as progress:
        if dumps:
            kv = _with_dumps(
                kv,
                dumps,
                chosen,
                budget_bytes=sample,
                one_file_system=one_file_system,
                exclude=exclude,
                seed=seed,
                progress=progress,
            )
        if traces:
            progress.phase("replaying the trace")
            kv, sized = _with_trace(
                kv,
                traces[0],
                chosen,
                cache_format=cache_format,
                block_tokens=block_tokens,
                ttls=wanted,
                capacities=capacities,
                scaling=(requests_per_second, gpus, trace_gpus),
                gpu=gpu,
                waf=waf,
                lossless=lossless,
                target=target,
                layouts=layouts,
                drive=drive,
                site=site,
                extra=extra,
            )
        report = assemble(
            describe_run(command_line(), seed, started),
            today=today(),
            sized=sized,
            reference=layouts[0] if layouts and sized else None,
            target_bytes=target,
            kv=kv,
            shelf_life=extra.get("shelf_life"),
            on_layout=lambda name: progress.phase(f"measuring the code of {name}"),
        )
    deliver(report, as_json=as_json, output=output)
    return EXIT_NOT_COVERED if kv.skipped else EXIT_OK


def _model(name: str, extra: dict[str, Path]) -> Any:
    from storeff.errors import did_you_mean
    from storeff.kv.config import read_config
    from storeff.kv.model import load_models

    models = load_models(extra.get("models"))
    if name in models:
        return models[name]
    if os.path.exists(name):
        return read_config(Path(name))
    raise click.BadParameter(
        f"{name!r} is neither a file nor one of the models{did_you_mean(name, models)}; "
        f"they are {', '.join(models)}",
        param_hint="--model",
    )


def _with_dumps(
    kv: Any,
    roots: list[Path],
    model: Any,
    *,
    budget_bytes: int,
    one_file_system: bool,
    exclude: tuple[str, ...],
    seed: int,
    progress: Any,
) -> Any:
    import msgspec

    from storeff.kv.measure import Plan
    from storeff.kv.survey import survey
    from storeff.report.scanned import skipped_rows
    from storeff.sources.names import printable

    found, surveyed, census = survey(
        roots,
        model=model,
        plan=Plan(seed=seed),
        budget_bytes=budget_bytes,
        one_file_system=one_file_system,
        exclude=exclude,
        on_file=lambda path: progress.phase(printable(path)),
    )
    return msgspec.structs.replace(kv, dumps=found, survey=surveyed, skipped=skipped_rows(census))


def _with_trace(
    kv: Any,
    path: Path,
    model: Any,
    *,
    cache_format: Any,
    block_tokens: int | None,
    ttls: tuple[float, ...],
    capacities: tuple[int, ...],
    scaling: tuple[float | None, int | None, int | None],
    gpu: str | None,
    waf: float,
    lossless: bool,
    target: int | None,
    layouts: tuple[str, ...],
    drive: str,
    site: str,
    extra: dict[str, Path],
) -> tuple[Any, list[Any]]:
    import msgspec

    from storeff.commands.deliver import named_layouts
    from storeff.economics import load_drives
    from storeff.kv.prefix import chunk_sharing
    from storeff.kv.replay import Caches, replay
    from storeff.kv.retention import load_gpus, retention, scale_to
    from storeff.kv.trace import read_trace
    from storeff.report import kv as report

    trace = read_trace(path, block_tokens=block_tokens)
    blocks = report.capacities_blocks(trace, capacities, kv.model)
    caches = Caches(trace)
    replayed = replay(caches, capacities_blocks=blocks, ttls_seconds=ttls, admissions=(1, 2))
    kv = msgspec.structs.replace(
        kv, trace=replayed, chunks=list(chunk_sharing(trace, report.CHUNK_BLOCKS))
    )
    if not ttls:
        return kv, []
    named = named_layouts(layouts, extra)
    reference = named[0] if layouts else report.leanest(named)
    flash = report.flash_of(
        model,
        cache_format,
        pick(load_drives(extra.get("drives")), drive, "--drive"),
        reference,
        waf=waf,
        compression_ratio=report.measured_ratio(kv.survey) if lossless else None,
    )
    scale = (
        scale_to(caches, requests_per_second=scaling[0], gpus=scaling[1], trace_gpus=scaling[2])
        if any(scaling)
        else Fraction(1)
    )
    rows = retention(
        caches,
        ttls,
        flash,
        scale=scale,
        gpu=None if gpu is None else pick(load_gpus(extra.get("gpus")), gpu, "--gpu"),
        admissions=(1, 2),
    )
    billed = report.billed(rows)
    described = report.describe_retention(
        rows, scale, replayed, reference.name, drive, flash, target
    )
    sized = report.kv_scenarios(
        report.logical_bytes(billed, flash) if target is None else target,
        billed,
        flash,
        named,
        drive=drive,
        site=site,
        extra=extra,
    )
    return msgspec.structs.replace(kv, retention=described), sized
