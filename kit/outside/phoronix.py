"""Phoronix Test Suite: composite.xml, or its JSON (result-file-to-json), with every run's value by test.

The file says for each test whether more (HIB) or less (LIB) is better. It may hold several systems: FILE:SYSTEM chooses
one. Failed tests are noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from kit.base.errors import UserError
from kit.outside.cells import number_in
from kit.outside.found import LESS, MORE, NOBODY, Datum, Label, Reading
from kit.outside.jsonfields import mapping
from kit.outside.source import Source

BETTER = {"HIB": MORE, "LIB": LESS}


def is_phoronix_xml(source: Source) -> bool:
    """Whether it is XML of the Phoronix Test Suite."""
    start = source.content.lstrip()[:4096]
    return start.startswith("<") and "<PhoronixTestSuite" in start


def read_phoronix_xml(source: Source) -> Reading:
    """Reads the XML. Raises UserError."""
    if "<!DOCTYPE" in source.content or "<!ENTITY" in source.content:
        raise UserError("a document type in a result file is not read", where=source.name)
    try:
        root = ElementTree.fromstring(source.content)
    except ElementTree.ParseError as error:
        raise UserError(f"not XML: {error}", where=f"{source.name}:{error.position[0]}") from error
    return _reading(_of_xml(root), source)


def _of_xml(root: ElementTree.Element) -> Iterator[tuple[dict[str, str], str, list[str]]]:
    """(test, system, values) of each result."""
    for result in root.iter("Result"):
        test = {k: result.findtext(k) or "" for k in ("Title", "Description", "Scale", "Proportion", "DisplayFormat")}
        for entry in result.iter("Entry"):
            raw = entry.findtext("RawString") or entry.findtext("Value") or ""
            yield test, entry.findtext("Identifier") or "", [v for v in raw.split(":") if v.strip()]


def is_phoronix_json(data: Any) -> bool:
    """Whether it is JSON of the Phoronix Test Suite."""
    found = mapping(mapping(data).get("results"))
    return "systems" in mapping(data) and all("scale" in mapping(r) for r in found.values())


def read_phoronix_json(data: Any, source: Source) -> Reading:
    """Reads the JSON. Raises UserError."""
    return _reading(_of_json(data), source)


def _of_json(data: Any) -> Iterator[tuple[dict[str, str], str, list[str]]]:
    keys = {"Title": "title", "Description": "description", "Scale": "scale", "Proportion": "proportion"}
    for result in mapping(data.get("results")).values():
        test = {k: str(result.get(v) or "") for k, v in keys.items()}
        test["DisplayFormat"] = str(result.get("display_format") or "")
        for system, entry in mapping(result.get("results")).items():
            values = entry.get("raw_values") or ([entry["value"]] if "value" in entry else [])
            yield test, str(system), [str(v) for v in values]


def _reading(found: Iterator[tuple[dict[str, str], str, list[str]]], source: Source) -> Reading:
    data, notes = [], []
    for test, system, texts in found:
        name = " ".join(w for w in (test["Title"], test["Description"], test["Scale"]) if w)
        if not texts:
            notes.append(f"{name}: no result of {system}, left out")
        elif test["DisplayFormat"] in ("LINE_GRAPH", "IMAGE_COMPARISON", "PASS_FAIL", "MULTI_PASS_FAIL"):
            notes.append(f"{name}: no number, left out ({test['DisplayFormat'].lower().replace('_', ' ')})")
        else:
            values = tuple(number_in(t, f"{source.name}: {name}, {system}") for t in texts)
            label = Label("system", system)
            data.append(Datum(name, values, test["Scale"], BETTER.get(test["Proportion"], NOBODY), (label,)))
    return Reading(tuple(data), tuple(notes))
