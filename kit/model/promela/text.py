"""Scenes of one profile as a complete Promela model: text for `spin -a`.

A task is a process, and each action is one atomic step of it. The call of a cell is a jump into that cell's code and
back. Tasks that run one after the other make the history. `broken` says which rule was broken in which scene.

The next one of the history waits until its predecessor is gone, not only done: each process that lingers at its last
step may take it at any later time, which doubles the number of states.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from kit.model.errors import ModelError
from kit.model.explore.code import Code, compiled
from kit.model.explore.engine import SPIN, Engine
from kit.model.explore.findings import Scene
from kit.model.explore.invariants import DEADLOCK
from kit.model.explore.starts import WHOLE, Op
from kit.model.promela.actions import Actions
from kit.model.promela.rules import NUMBERS, Rules
from kit.model.steps import Profile

SCENE = 64  # `broken` is the number of the scene, times this, plus that of the rule
FLAGS = ("empty", "unpinned", "found", "pinned", "forking", "inserting", "importing", "moving")
FIELDS = ("vma", "src", "av", "entry", "root", "space", "new", "todos", "ti", "spares", "back", *FLAGS)
ARRAYS = {"todo": "CH", "spare": "2"}
DEEPEST = 1  # the put of an anon_vma puts its root, and a root has none
TWICE = re.compile(r";(\s*;)+")
CALL = re.compile(r"CALL\((\w+): ([^)]*)\)")

HEAD = """\
#define HOLDS(r) (av_holder[r] == me || ((av_readers[r] >> me) & 1))
#define FREE(r) (av_holder[r] == me || (av_holder[r] == 0 && (av_readers[r] & ~(1 << me)) == 0))
#define FREE_TO_SHARE(r) (av_holder[r] == me || av_holder[r] == 0)
byte navs, nens, nvms = 1, nmms = 1, fails;
int broken;
byte av_root[AV], av_parent[AV], av_holder[AV], av_n[AV];
short av_ref[AV], av_children[AV], av_active[AV], av_degree[AV];
int av_readers[AV];
bool av_freed[AV], av_published[AV];
byte en_vma[EN], en_av[EN];
bool en_freed[EN], en_linked[EN], en_inchain[EN];
byte vm_mm[VM], vm_own[VM], chn[VM], ch[VM*CH];
short vm_low[VM], vm_high[VM];
int vm_pages[VM];
bool vm_gone[VM];
byte mm_holder[MM], arean[MM], areas[MM*CH];
bool mm_gone[MM];
"""
ALONE = "_nr_pr == 1"  # init has no other process beside it
LOCALS = "byte i, j, k, n, s, m, depth = 1; short held, rcu; bool bad, found;"


def promela(profile: Profile, scenes: Sequence[Scene], muted: Container[str] = ()) -> str:
    """The whole model. Raises ModelError for a task with more than one operation, and for a start that says which
    allocations fail."""
    if any(len(ops) != 1 for scene in scenes for ops in scene.tasks):
        raise ModelError("a task of a Promela model has one operation")
    if any(op.fails for scene in scenes for op in scene.history):
        raise ModelError("no allocation fails in the start of a Promela model")
    rules = Rules(muted)
    kinds = sorted({op.do for scene in scenes for op in operations(scene)})
    code = compiled(profile)
    parts = [
        f"/* {profile.name}: written by kit model explore --promela */",
        *sizes(profile, scenes),
        f"#define SLEEPS {int(not profile.lock_class.endswith(SPIN))}",
        HEAD,
        *(_Task(kind, code, Actions(rules, profile.merging.rule), rules).text() for kind in kinds),
        _init(scenes, rules),
    ]
    return TWICE.sub(";", "\n".join(parts)) + "\n"


def operations(scene: Scene) -> Iterator[Op]:
    """The operations of a scene, those of its start first."""
    yield from scene.history
    for ops in scene.tasks:
        yield from ops


def sizes(profile: Profile, scenes: Sequence[Scene]) -> Iterator[str]:
    """How many of each object there can be: those at the start, and what each task may add."""
    avs = entries = areas = spaces = chain = 1
    engine = Engine(profile)
    for scene in scenes:
        w = scene.world(engine)
        longest = max(len(area.chain) for area in w.areas.values()) + 1
        more = 2 * len(scene.tasks)  # a fork of two VMAs
        avs = max(avs, len(w.avs) + more)
        entries = max(entries, len(w.entries) + more * longest)
        areas = max(areas, len(w.areas) + more)
        spaces = max(spaces, len(w.spaces) + more)
        chain = max(chain, longest + len(scene.tasks))
    for name, number in {"AV": avs, "EN": entries, "VM": areas, "MM": spaces, "CH": chain}.items():
        yield f"#define {name} {number + 2}"
    yield f"#define MAPPED(a) (((0{''.join(f' | vm_pages[{n}]' for n in range(1, areas + 2))}) >> (a)) & 1)"


@dataclass(frozen=True)
class Instance:
    """A cell as it is called. A cell that is called from within itself exists twice, with variables of its own."""

    cell: str
    level: int = 0

    @property
    def name(self) -> str:
        """The prefix of its variables and labels."""
        return re.sub(r"\W", "_", self.cell) + "_" * self.level


class _Task:
    """One kind of operation as a process."""

    def __init__(self, kind: str, code: dict[str, Code], actions: Actions, rules: Rules) -> None:
        self.kind = kind
        self.code = code
        self.actions = actions
        self.rules = rules
        self.backs: dict[Instance, list[tuple[int, str, str]]] = {}  # callee → number, where it goes on, where it fails
        self.queue: list[Instance] = []
        self.calls = 0

    def text(self) -> str:
        first = Instance(f"do-{self.kind}")
        self.queue.append(first)
        blocks = [(one, list(map(partial(self.line, one), range(self.length(one))))) for one in self.queue]  # it grows
        body = "\n".join(self.returned(one, line) for one, lines in blocks for line in lines)
        declared = " ".join(self.declared(one, body) for one in self.queue)
        begin = f"{first.name}_space = space; {first.name}_vma = vma; {first.name}_src = src;"
        return (
            f"proctype {self.kind.replace('-', '_')}(byte me; byte space; byte vma; byte src) {{\n{LOCALS} {declared}\n"
            f"atomic {{ broken == 0 -> {begin} if :: mm_gone[space] -> goto Done :: else fi }}\n"
            f"{body}\nDone:\nStop: skip\n}}"
        )

    def length(self, one: Instance) -> int:
        return len(self.code[one.cell].actions)

    def line(self, one: Instance, at: int) -> str:
        """An action as a step. Placeholders for callers are filled in when all of them are known."""
        code = self.code[one.cell]
        action, arg = code.actions[at]
        guard = self.actions.guard(one.cell, action)
        if action in ("leave", "leave_failed"):
            body = "LEAVE" if action == "leave" else "LEAVE_FAILED"
        else:
            body = self.actions.body(one.cell, action, str(arg)) or "skip"
        body = CALL.sub(lambda found: self.call(one, at, found[1], found[2]), body)
        words = {"TO": self.label(one, int(arg)) if isinstance(arg, int) else "", "FAIL": self.label(one, code.fail)}
        for word, label in words.items():
            body = re.sub(rf"goto {word}\b", f"goto {label}", body)
        body = body.replace("CLEAR", self.clear_todo(one)).replace("FORKING", str(int(one.cell == "fork")))
        waits = f"broken == 0 && ({guard})" if guard else "broken == 0"
        text = f"{self.label(one, at)}: atomic {{ {waits} -> {body} }};"
        return re.sub(r"\$(\w+)", rf"{one.name}_\1", text)

    @staticmethod
    def label(one: Instance, at: int) -> str:
        return f"L_{one.name}_{at}"

    @staticmethod
    def clear_todo(one: Instance) -> str:
        return "i = 0; do :: i < $todos -> $todo[i] = 0; i++ :: else -> break od; i = 0; $todos = 0; $ti = 0"

    def call(self, one: Instance, at: int, cell: str, given: str) -> str:
        """Sets the callee's variables and continues with its code."""
        if one.cell == cell and one.level == DEEPEST:
            return "assert(false)"
        callee = Instance(cell, one.level + 1 if one.cell == cell else 0)
        if callee not in self.backs:
            self.backs[callee] = []
            self.queue.append(callee)
        self.calls += 1
        fail = self.label(one, self.code[one.cell].fail)
        self.backs[callee].append((self.calls, self.label(one, at + 1), fail))
        sets = "; ".join(f"{callee.name}_{word.strip()}" for word in given.split(","))
        return f"{sets}; {callee.name}_back = {self.calls}; depth++; goto {self.label(callee, 0)}"

    def returned(self, one: Instance, line: str) -> str:
        """LEAVE and LEAVE_FAILED as text: resets the variables, and continues in the caller."""
        for word, which in (("LEAVE_FAILED", 2), ("LEAVE", 1)):
            if word not in line:
                continue
            clears = "".join(f"{one.name}_{field} = 0; " for field in FIELDS)
            clears += f"{one.name}_spare[0] = 0; {one.name}_spare[1] = 0; "
            clears = self.clear_todo(one).replace("$", f"{one.name}_") + "; " + clears
            backs = "".join(f":: n == {row[0]} -> n = 0; goto {row[which]} " for row in self.backs.get(one, ()))
            back = f"if {backs} fi" if backs else "n = 0; goto Done"
            text = f"{self.rules.returns()}n = {one.name}_back; {clears}depth--; {back}"
            line = re.sub(rf"\b{word}\b", text, line)
        return line

    @staticmethod
    def declared(one: Instance, body: str) -> str:
        used = set(re.findall(rf"\b{one.name}_([a-z]+)\b", body))
        flags = [f"{one.name}_{field}" for field in FIELDS if field in used and field in FLAGS]
        others = [f"{one.name}_{field}" for field in FIELDS if field in used and field not in FLAGS]
        arrays = [f"{one.name}_{field}[{size}]" for field, size in ARRAYS.items() if field in used]
        return f"{f'bool {chr(44).join(flags)}; ' if flags else ''}byte {', '.join([*others, *arrays])};"


def _init(scenes: Sequence[Scene], rules: Rules) -> str:
    choices = "\n".join(f":: scene = {number};\n{_play(scene)}" for number, scene in enumerate(scenes))
    numbers = [scene * SCENE + number for scene in range(len(scenes)) for number in NUMBERS.values()]
    said = "\n".join(f":: broken == {number} -> assert(broken != {number})" for number in numbers)
    return f"""\
init {{
byte scene, children, mapping; {LOCALS}
atomic {{ vm_mm[1] = 1; vm_high[1] = 4; areas[CH] = 1; arean[1] = 1 }}
if
{choices}
fi;
atomic {{ {rules.at_rest() or "skip"} }};
Stop: if :: broken != 0 -> broken = broken + scene * {SCENE} :: else fi;
if
{said}
:: broken == 0
fi
}}"""


def _play(scene: Scene) -> str:
    numbers = {"P": 1}
    forks: dict[str, int] = {}
    lines: list[str] = []
    for op in scene.history:
        lines.append(f"{_run(op, 1, numbers)}; {ALONE};")
        if op.do == "fork":
            forks[op.process] = forks.get(op.process, 0) + 1
            numbers[f"{op.process}.{forks[op.process]}"] = len(numbers) + 1
    runs = "; ".join(_run(ops[0], number, numbers) for number, ops in enumerate(scene.tasks, start=1))
    lines += [
        f"atomic {{ fails = {scene.fails}; {runs} }};",
        f"if :: {ALONE} && broken == 0 -> fails = 0 :: broken != 0 -> goto Stop",
        f":: timeout -> broken = {NUMBERS[DEADLOCK]}; goto Stop fi;",
    ]
    return "\n".join(lines)


def _run(op: Op, me: int, numbers: dict[str, int]) -> str:
    mm = numbers[op.process]
    vma = "0" if op.do in WHOLE else f"areas[{mm}*CH+{op.at}]"
    other = f"areas[{mm}*CH+{op.at + 1}]" if op.do == "merge" else "0"
    return f"run {op.do.replace('-', '_')}({me}, {mm}, {vma}, {other})"
