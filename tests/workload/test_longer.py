"""Longer windows and several rounds: the guest's text, and the meaning of its windows."""

from __future__ import annotations

from kit.model.parse import parse_program
from kit.workload.catalog import parse_params
from kit.workload.load import Load, sections
from kit.workload.longer import longer, round_name, rounds_program


def chain() -> Load:
    return parse_params("fork-chain", {"depth": [0, 1], "forks": 7, "vmas": 1}).load("chain", 1)


def test_what_stands_in_windows_is_repeated_at_every_depth() -> None:
    load = longer(chain(), 3)
    text = load.program.text()
    assert text.count("repeat 3\nrepeat 7\n") == 2
    assert text.count("map 0") == 1, "what stands outside is done once"
    assert [w.jobs for w in load.windows] == [21, 21]
    parse_program(text)


def test_each_user_repeats_his_own_list() -> None:
    load = longer(parse_params("aim7", {"mix": {"fork_test": 1}, "users": [2], "jobs": 1}).load("mix", 1), 5)
    assert load.program.text().count("user\nrepeat 5\nrepeat 100\n") == 2
    assert load.windows[0].jobs == 10


def test_a_users_own_program_stays_as_it_is() -> None:
    load = parse_params("program", {"text": "window w\nmap 0 1\nend\n"}).load("own", 1)
    assert longer(load, 3) == load


def test_rounds_have_names_of_their_own() -> None:
    parts = sections(rounds_program([chain()], 2))
    assert [name for _, name, _ in parts] == ["chain~0", "chain~1"]
    assert f"window {round_name('chain/d1', 1)}\n" in parts[1][2]
    assert parts[0][2].replace("~0", "~1") == parts[1][2]
    for _, _, text in parts:
        parse_program(text)
