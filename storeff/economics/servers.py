"""What is in the servers: memory by the published rule of their system, processors, adapters."""

import math
from dataclasses import dataclass
from typing import Any

from storeff.economics.model import Scenario
from storeff.layout.number import Number, at_least, is_unknown

# Numbers of a memory rule that ask for DRAM.
_DRAM = (
    *("per_enclosure_bytes", "per_core_bytes", "per_drive_bytes", "per_raw_byte"),
    *("per_object_bytes", "per_chunk_bytes"),
)


@dataclass(frozen=True)
class Held:
    """What a rule of memory counts: objects and chunks of ``logical_bytes`` of data."""

    enclosures: Number
    drives: Number
    raw_bytes: Number
    logical_bytes: Number


def cores(scenario: Scenario[Number], enclosures: Number) -> Number:
    """Cores of all processors; NaN where unknown."""
    enclosure = scenario.enclosure
    return enclosures * enclosure.cpus * enclosure.cpu_cores


def dram_bytes(scenario: Scenario[Number], held: Held) -> Number:
    """DRAM of all servers: what the system's own rule asks for, and no less than each of them has
    anyway. NaN where neither is known, or the rule counts what is not known."""
    least = held.enclosures * scenario.enclosure.dram_bytes
    terms = _dram_terms(scenario, held)
    return at_least(sum(terms), least) if terms else least


def dram_is_known(scenario: Scenario[Number]) -> bool:
    """Whether ``dram_bytes`` is known of servers of ``scenario``."""
    terms = _dram_terms(scenario, Held(1, 1, 1, 1))
    if terms:
        return not any(map(is_unknown, terms))
    return not is_unknown(scenario.enclosure.dram_bytes)


def scm_bytes(scenario: Scenario[Number], raw_bytes: Number) -> Number:
    """Storage-class memory; NaN where the system has none, or does not say how much."""
    rule = scenario.layout.memory
    return math.nan if rule is None else raw_bytes * rule.scm_per_raw_byte


def _dram_terms(scenario: Scenario[Number], held: Held) -> list[Number]:
    rule: Any = scenario.layout.memory
    if rule is None:
        return []
    counted = {
        "per_enclosure_bytes": held.enclosures,
        "per_core_bytes": cores(scenario, held.enclosures),
        "per_drive_bytes": held.drives,
        "per_raw_byte": held.raw_bytes,
        "per_object_bytes": _objects(scenario, held.logical_bytes),
        "per_chunk_bytes": held.logical_bytes / scenario.data.chunk_bytes,
    }
    return [getattr(rule, x) * counted[x] for x in _DRAM if not is_unknown(getattr(rule, x))]


def _objects(scenario: Scenario[Number], logical_bytes: Number) -> Number:
    """How many objects there are, if there are as many a byte as in those whose sizes are known."""
    sizes = scenario.data.objects
    return math.nan if sizes is None else logical_bytes * sizes.objects / sizes.data_bytes
