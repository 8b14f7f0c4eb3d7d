"""YAML of others: its values, or one error; no text loops, multiplies without end, or overflows a stack."""

from __future__ import annotations

import pytest

from kit.store.yamltext import MAY_BE_DEEP, BadYamlError, document, documents, value_of


def test_values_anchors_and_several_documents() -> None:
    assert value_of("a: [1, 2]\nb: &x {c: 1}\nd: *x\ne: {<<: *x, f: 2}") == {
        "a": [1, 2], "b": {"c": 1}, "d": {"c": 1}, "e": {"c": 1, "f": 2},
    }  # fmt: skip
    assert value_of("") is None
    assert [one.value for one in documents("1\n---\n2\n---\n")] == [1, 2, None]


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("a: 1\nb: &x [*x]", "a value that contains itself", 2),
        ("a: 1\n---\nb: 2", "a second document begins", 3),
        ("a: 1\nb: [1", "did not find expected ',' or ']'", 3),
        ("a: 2026-99-99", "month must be in 1..12", 0),
        ("a: 1\n? [b]\n: 2", "a key is a name, not a list or a mapping", 2),
        ("!!python/object:os.system {}", "could not determine a constructor for the tag", 1),
        ("a: " + "[" * 52 + "]" * 52, "nested too deeply", 1),
        ("a: &a " + "[" * 30 + "]" * 30 + "\nb: " + "[" * 30 + "*a" + "]" * 30, "nested too deeply", 2),
        ("[" * 100000, "nested too deeply", 0),
        ("- " * 100000 + "x", "nested too deeply", 0),
        ("\n".join(" " * n + "a:" for n in range(1100)), "nested too deeply", 0),
        (
            "a: &a [" + "x, " * 999 + "x]\nb: &b [" + "*a, " * 99 + "*a]\nc: [" + "*b, *b]",
            "more than 100,000 values",
            2,
        ),
        ("x" * (1 << 20) + "y", "more than 1 MiB", 0),
    ],
)
def test_what_is_refused(text: str, what: str, line: int) -> None:
    with pytest.raises(BadYamlError) as refused:
        document(text)
    assert what in refused.value.what
    assert refused.value.line == line


def test_as_deep_as_may_be_is_refused_without_an_overflow_of_the_stack() -> None:
    """libyaml's own recursion ends the process if its stack does not suffice."""
    for text in ("[" * MAY_BE_DEEP + "]" * MAY_BE_DEEP, "- " * (MAY_BE_DEEP // 2 - 1) + "x"):
        with pytest.raises(BadYamlError, match="nested too deeply"):
            document(text)


def test_a_value_named_often_counts_each_time() -> None:
    text = "a: &a [1, 2, 3]\nb: [*a, *a]"
    assert len(documents(text, values=16)) == 1
    with pytest.raises(BadYamlError, match="more than 15 values"):
        documents(text, values=15)
