"""A difference between kernel and model names the function that explains it."""

from __future__ import annotations

import pytest

from kit.model.parse import parse_program
from kit.model.predict import Prediction, predict
from kit.model.suspects import suspects

from .scenes import WORKER

# Two depths, so that a cost for each entry and a cost for each call can be told apart.
CHAIN = parse_program("window a\nfork\nend\nend\nfork\nfork\nwindow b\nfork\nend\nend\nend\nend\nwindow s\nscript\nend")


def measured(profile: str) -> dict[str, int]:
    return {name: w.low for name, w in predict(CHAIN, WORKER, profile).items() if isinstance(w, Prediction)}


@pytest.mark.parametrize(
    ("believed", "is_really", "cell"),
    [
        ("6.1", "6.1-unbatched-clone", "clone"),
        ("6.1-unbatched-clone", "6.1", "clone"),
        ("3.0-637fbbf", "3.0-eee2acba", "unlink"),
        ("3.0-rc1", "3.0-637fbbf", "clone"),
    ],
)
def test_the_step_that_was_not_believed_is_named(believed: str, is_really: str, cell: str) -> None:
    found = suspects(CHAIN, WORKER, believed, measured(is_really))
    assert found[0].cell == cell
    assert {one.cell for one in found} == {cell}
    assert found[0].prediction.low == measured(is_really)["a"]


def test_agreement_has_no_suspects() -> None:
    assert suspects(CHAIN, WORKER, "6.1", measured("6.1")) == ()


def test_two_differences_have_no_single_suspect() -> None:
    assert suspects(CHAIN, WORKER, "6.1", measured("6.1-unbatched")) == ()


def test_nonsense_has_no_suspects() -> None:
    assert suspects(CHAIN, WORKER, "6.1", {"a": 1, "b": 1}) == ()
