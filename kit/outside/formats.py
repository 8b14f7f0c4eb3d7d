"""The table of formats: a text is read by the first format that recognizes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kit.base.errors import UserError
from kit.outside import (
    aim,
    asv,
    fio,
    gobench,
    googlebench,
    hyperfine,
    jmh,
    mmtests,
    perfbench,
    perfstat,
    phoronix,
    plainjson,
    pyperf,
    pytestbench,
    stressng,
    table,
    unixbench,
)
from kit.outside.found import Reading, joined
from kit.outside.source import Source


@dataclass(frozen=True)
class JsonFormat:
    """A tool's JSON; `knows` and `read` get one document."""

    name: str
    knows: Callable[[Any], bool]
    read: Callable[[Any, Source], Reading]


@dataclass(frozen=True)
class TextFormat:
    """A tool's text."""

    name: str
    knows: Callable[[Source], bool]
    read: Callable[[Source], Reading]


JSON_FORMATS = (
    JsonFormat("hyperfine", hyperfine.is_hyperfine, hyperfine.read_hyperfine),
    JsonFormat("pyperf", pyperf.is_pyperf, pyperf.read_pyperf),
    JsonFormat("pytest-benchmark", pytestbench.is_pytestbench, pytestbench.read_pytestbench),
    JsonFormat("Google Benchmark", googlebench.is_googlebench, googlebench.read_googlebench),
    JsonFormat("JMH", jmh.is_jmh, jmh.read_jmh),
    JsonFormat("fio", fio.is_fio, fio.read_fio),
    JsonFormat("perf stat -j", perfstat.is_perfjson, perfstat.read_perfjson),
    JsonFormat("Phoronix Test Suite (JSON)", phoronix.is_phoronix_json, phoronix.read_phoronix_json),
    JsonFormat("mmtests (JSON)", mmtests.is_mmtests_json, mmtests.read_mmtests_json),
    JsonFormat("asv", asv.is_asv, asv.read_asv),
)
TEXT_FORMATS = (
    TextFormat("Phoronix Test Suite (XML)", phoronix.is_phoronix_xml, phoronix.read_phoronix_xml),
    TextFormat("perf stat", perfstat.is_perfstat, perfstat.read_perfstat),
    TextFormat("perf bench", perfbench.is_perfbench, perfbench.read_perfbench),
    TextFormat("stress-ng", stressng.is_stressng, stressng.read_stressng),
    TextFormat("stress-ng (YAML)", stressng.is_stressng_yaml, stressng.read_stressng_yaml),
    TextFormat("UnixBench", unixbench.is_unixbench, unixbench.read_unixbench),
    TextFormat("AIM7, reaim", aim.is_aim, aim.read_aim),
    TextFormat("Go benchmarks", gobench.is_gobench, gobench.read_gobench),
    TextFormat("mmtests (comparison)", mmtests.is_compared, mmtests.refuse_compared),
    TextFormat("mmtests", mmtests.is_mmtests, mmtests.read_mmtests),
    TextFormat("perf stat -x", perfstat.is_perfcsv, perfstat.read_perfcsv),
)


def read_text(source: Source) -> Reading:
    """Reads a text: tools' own formats are tried first, then metrics in JSON, then a table. Raises UserError."""
    if source.is_json:
        documents = source.documents
        known = next((f for f in JSON_FORMATS if f.knows(documents[0])), None)
        if known is None:
            return plainjson.read_plain(source)
        if not all(known.knows(d) for d in documents):
            raise UserError(f"some of it is JSON of {known.name}, some is not", where=source.name)
        return _of_tool(known.name, source, lambda: joined(known.read(d, source) for d in documents))
    text = next((f for f in TEXT_FORMATS if f.knows(source)), None)
    return table.read_table(source) if text is None else _of_tool(text.name, source, lambda: text.read(source))


def _of_tool(name: str, source: Source, read: Callable[[], Reading]) -> Reading:
    try:
        return read()
    except (TypeError, AttributeError, LookupError, ValueError, ArithmeticError) as error:
        what = f"looks like results of {name}, but is not as that writes them ({type(error).__name__}: {error})"
        raise UserError(what[:300], where=source.name) from error
