"""A second opinion: SPIN finds in kit's Promela the same broken rules as the explorer, and no others.

The Promela says anew what each action does and what each rule forbids, and SPIN searches by itself, without reduction.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Container, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kit.model.errors import ModelError
from kit.model.explore.engine import Engine
from kit.model.explore.findings import Scene
from kit.model.explore.hunt import QUICK, hunt
from kit.model.explore.invariants import DEADLOCK, Violation, at_rest
from kit.model.explore.search import choices
from kit.model.explore.starts import read_op
from kit.model.explore.world import World
from kit.model.profiles import PROFILES
from kit.model.promela.actions import Actions
from kit.model.promela.rules import NAMES, Rules
from kit.model.promela.text import SCENE, promela
from kit.model.variants import VARIANTS, known

needs_spin = pytest.mark.skipif(
    not (shutil.which("spin") and shutil.which("gcc")), reason="spin or gcc is not here: apt-get install -y spin gcc"
)
KERNELS = [name for name in (*PROFILES, *VARIANTS) if name not in ("6.0", "6.12")]  # the same steps as 6.1


def scene(start: str, *tasks: str, fails: int = 0) -> Scene:
    return Scene(tuple(read_op(op.strip()) for op in start.split(",")), tuple((read_op(t),) for t in tasks), fails)


SCENES = (
    scene("write P", "split P", fails=2),
    scene("write P, fork P", "fork P.1", fails=1),
    scene("write P, split P", "merge P", "unmap-walk P"),
    scene("write P, fork P", "exit P.1", "fork P"),
    scene("write P, fork P, exit P", "migrate P.1", "exit P.1"),
    scene("write P, fork P, fork P.1, exit P", "exit P.1", "fork P.1.1"),
)
"""Looked at in every kernel, besides the scenes in which the explorer found something."""


def of_kernel(name: str) -> list[tuple[frozenset[str], list[Scene]]]:
    """Muted rules, and the scenes to be held to the others."""
    groups: dict[frozenset[str], list[Scene]] = {frozenset(): [one for one in SCENES if can_begin(name, one)]}
    for finding in hunt(known(name), QUICK).findings.values():
        if all(len(ops) == 1 for ops in finding.scene.tasks):
            fails = sum(move.fails for move in finding.moves)
            groups.setdefault(finding.muted, []).append(replace(finding.scene, fails=fails))
    return list(groups.items())


def can_begin(name: str, one: Scene) -> bool:
    """Whether its start breaks no rule."""
    try:
        one.world(Engine(known(name)))
    except Violation:
        return False
    return True


def explored(name: str, one: Scene, muted: Container[str]) -> set[str]:
    """The rules that are broken first, in all orders of all steps."""
    engine = Engine(known(name))
    engine.mute(*(rule for rule in NAMES.values() if rule in muted))
    found: set[str] = set()
    seen: set[int] = set()  # a state's hash will do: two that are alike would only be seen by one missing rule
    stack = [one.world(engine)]
    while stack:
        w = stack.pop()
        w.traced = False
        if (key := hash(w.key())) in seen:
            continue
        seen.add(key)
        moves = choices(engine, w, reduced=False)
        found |= set() if moves else ended(engine, w)
        for move in moves:
            other = w.copy()
            try:
                engine.step(other, move)
            except Violation as broken:
                found.add(broken.rule)
            else:
                stack.append(other)
    return found


def ended(engine: Engine, w: World) -> set[str]:
    if not engine.over(w):
        return {DEADLOCK}
    try:
        at_rest(w)
    except Violation as broken:
        return {broken.rule}
    return set()


def spun(text: str, folder: Path) -> Iterator[tuple[int, str]]:
    """Scene and rule of everything that SPIN finds broken."""
    folder.mkdir()
    (folder / "m.pml").write_text(text)
    ran("spin -a m.pml", folder)
    ran("gcc -O0 -w -DSAFETY -DNOREDUCE -DVECTORSZ=4096 -o pan pan.c", folder)
    out = ran("./pan -n -c0 -E -m200000 -w20", folder)
    assert "max search depth too small" not in out
    assert "states, stored" in out
    for number in map(int, re.findall(r"assertion violated \(broken!=(\d+)\)", out)):
        yield number // SCENE, NAMES[number % SCENE]


def ran(command: str, folder: Path) -> str:
    done = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    assert "Error" not in done.stdout, (command, done.stdout[-2000:])
    return done.stdout


@needs_spin
@pytest.mark.boot
@pytest.mark.parametrize("name", KERNELS)
def test_spin_agrees(name: str, tmp_path: Path) -> None:
    for number, (muted, scenes) in enumerate(of_kernel(name)):
        expected = {(n, rule) for n, one in enumerate(scenes) for rule in explored(name, one, muted)}
        assert set(spun(promela(known(name), scenes, muted), tmp_path / str(number))) == expected


# What is written, without SPIN


@pytest.mark.parametrize("name", KERNELS)
def test_every_action_of_every_kernel_can_be_written(name: str) -> None:
    engine = Engine(known(name))
    actions = Actions(Rules(), known(name).merging.rule)
    for cell, lines in engine.lines.items():
        for action, _, arg, _ in lines:
            if action not in ("leave", "leave_failed"):
                assert isinstance(actions.body(cell, action, str(arg)), str)
    text = promela(known(name), [one for one in SCENES if can_begin(name, one)])
    assert not re.search(r"\$\w|CALL|LEAVE|CLEAR|goto (TO|FAIL)\b", text)


def test_a_muted_rule_is_not_written() -> None:
    one = SCENES[:1]
    rule = "only the holder releases a lock"
    number = next(n for n, name in NAMES.items() if name == rule)
    assert f"broken = {number};" in promela(PROFILES["6.1"], one)
    assert f"broken = {number};" not in promela(PROFILES["6.1"], one, {rule})


def test_a_task_of_several_operations_is_refused() -> None:
    several = Scene((read_op("write P"),), ((read_op("fork P"), read_op("exit P")),))
    with pytest.raises(ModelError, match="one operation"):
        promela(PROFILES["6.1"], [several])
