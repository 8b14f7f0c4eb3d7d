"""The messages in a kernel's source, as a console would show them, and those that kit would miss.

The format strings are found in the C files by a few regular expressions, and filled with plausible arguments.

    .venv/bin/python tests/kernel/words.py TREE …   # exit code 1 if any would be missed
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from kit.vm.lines import Message  # noqa: E402
from kit.vm.patterns import NO_SPLAT, PATTERNS, Pattern  # noqa: E402
from kit.vm.reports import CUT, row_of  # noqa: E402
from tests.kernel.excuses import EXCUSES, FILES, SUSPICIOUS  # noqa: E402

STRING = r'"(?:\\.|[^"\\\n])*"'
TOKEN = re.compile(rf"{STRING}|'(?:\\.|[^'\\\n])*'|/\*.*?\*/|//[^\n]*", re.DOTALL)
CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
HEAD = re.compile(r"^(?:[A-Za-z_][\w \t*]*?)?\b([A-Za-z_]\w*)\s*\(\s*(\w*)")
DEFINE = re.compile(r"^#\s*define\s+(\w+)")
CONVERSION = re.compile(
    r"%[-+ #0]*(\*|\d+)?(?:\.(\*|\d+))?(?:hh|h|ll|l|z|t|L)?(?:([diouxXcs%])|(p)(G[a-z]|I\w+|bl|[SsBFfVxKdDMa])?)"
)
CONSTANT = re.compile(rf"\bchar (\w+)\[\] = ({STRING});")
# Of a WARN() or a panic() the kernel prints its own line too, which is known.
ANNOUNCED = re.compile(r"WARN|BUG|panic$|^die|^__die|CHECK_DATA_CORRUPTION|DEBUG_LOCKS|^__?warn|KUNIT|^VM_")
PRINTS = re.compile(r"^pr_|printk|^orc_warn|^slab_(bug|err|error)$|_warn$|_err$|^printf$")
DEFAULTS = {"d": "7", "i": "7", "u": "7", "o": "7", "x": "1f", "X": "1F", "c": "x", "s": "forking"}
SYMBOLS = {"S": "unlink_anon_vmas+0x1b/0x20", "s": "unlink_anon_vmas", "V": "Poison overwritten", "d": "loop0"}
SYMBOLS |= {"B": SYMBOLS["S"], "F": SYMBOLS["S"], "f": SYMBOLS["s"], "bl": "(null)", "Gg": "GFP_KERNEL"}
POINTER = "00000000aaaa0000"


@dataclass(frozen=True)
class Said:
    """One call that prints. `texts`: the lines that it may print, by its possible arguments."""

    file: str
    line: int
    function: str
    call: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Functions, any of which prints a message, and the files, any of which has them."""

    functions: tuple[str, ...]
    files: tuple[str, ...]


def places(source: str) -> list[Place]:
    """The places in a row's source: "panic vpanic kernel/panic.c; die arch/…/traps.c, since 3.13"."""
    found = []
    for part in source.split(";"):
        words = [word.strip(",") for word in part.split()]
        files = tuple(word for word in words if re.fullmatch(r"[\w./-]+/[\w.-]+\.(c|h)", word))
        if files:
            found.append(Place(tuple(words[: words.index(files[0])]), files))
    return found


@cache
def version(tree: Path) -> tuple[int, ...]:
    """(3, 0) or (2, 6, 38), of a tree's Makefile. Raises OSError without one."""
    text = (tree / "Makefile").read_text(errors="replace")
    names = ("VERSION", "PATCHLEVEL", "SUBLEVEL")
    numbers = [int(m[1]) for name in names if (m := re.search(rf"^{name} *= *(\d+)", text, re.MULTILINE))]
    return tuple(numbers if numbers[0] < 3 else numbers[:2])


def is_within(versions: str, of: tuple[int, ...]) -> bool:
    """Whether a row's versions ("4.9-5.13", "-3.2", "") include this one."""
    low, _, high = versions.partition("-")
    numbers = [tuple(int(n) for n in end.split(".")) if end else None for end in (low, high)]
    return (numbers[0] is None or numbers[0] <= of) and (numbers[1] is None or of <= numbers[1])


@cache
def _read(tree: Path, file: str) -> tuple[tuple[Said, ...], frozenset[str]]:
    """(everything that a file prints, the functions and macros that it defines); empty if the tree lacks the file."""
    path = tree / file
    if not path.is_file():
        return (), frozenset()
    text = TOKEN.sub(_without_comment, path.read_text(errors="replace"))
    owners = _owners(text.split("\n"))
    return tuple(_calls(file, text, owners, _prefixes(text, path.stem))), frozenset(owners)


def said(tree: Path, file: str) -> tuple[Said, ...]:
    """Everything that a file prints."""
    return _read(tree, file)[0]


def functions(tree: Path, file: str) -> frozenset[str]:
    """The functions and macros that a file defines."""
    return _read(tree, file)[1]


def _without_comment(match: re.Match[str]) -> str:
    return match[0] if match[0][0] in "\"'" else "\n" * match[0].count("\n")


def _owners(lines: Sequence[str]) -> list[str]:
    """For each line, the function or macro that it is part of, or ""."""
    owners = [""] * len(lines)
    inside = name = ""
    for i, line in enumerate(lines):
        if i and lines[i - 1].endswith("\\") and owners[i - 1]:
            owners[i] = owners[i - 1]
            continue
        if match := DEFINE.match(line):
            owners[i] = match[1]
            continue
        if line.startswith("}"):
            owners[i], inside = inside, ""
            continue
        if not inside and (match := HEAD.match(line)) and not line.rstrip().endswith(";"):
            name = match[2] if match[1].isupper() and match[2] else match[1]
        if not inside and (line.startswith("{") or (line.rstrip().endswith("{") and HEAD.match(line))):
            inside = "" if line.rstrip().endswith("}") else name
        owners[i] = inside or (name if line[:1].isalpha() else "")
    return owners


def _prefixes(text: str, stem: str) -> dict[str, str]:
    """Macro → the prefix that it adds to its format: pr_fmt, and macros of the file's own."""
    found: dict[str, str] = {}
    whole = text.replace("\\\n", " ")
    if match := re.search(r"#\s*define\s+pr_fmt\(\w+\)\s*(.*?)\s*fmt\s*$", whole, re.MULTILINE):
        found["pr_fmt"] = "".join(_strings(re.sub("KBUILD_(MODNAME|BASENAME)", f'"{stem}"', match[1])))
    for match in re.finditer(rf"#\s*define\s+(\w+)\((\w+)[^)]*\)[^\n]*?({STRING})\s*\2\b", whole):
        found.setdefault(match[1], _strings(match[3])[0])
    for match in re.finditer(r"#\s*define\s+(\w+)\(args\.\.\.\)[^\n]*?(\w+)\(args\)", whole):
        found.setdefault(match[1], found.get(match[2], ""))
    return found


def _strings(code: str) -> list[str]:
    return [re.sub(r"\\(.)", _unescaped, token[1:-1]) for token in re.findall(STRING, code)]


def _unescaped(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(match[1], match[1])


def _calls(file: str, text: str, owners: Sequence[str], prefixes: Mapping[str, str]) -> Iterator[Said]:
    constants = {"__FILE__": "mm/rmap.c"} | {m[1]: _strings(m[2])[0] for m in CONSTANT.finditer(text)}
    line = at = 0
    for match in CALL.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        if (arguments := _arguments(text, match.end())) is None:
            continue
        index = next((i for i, a in enumerate(arguments[:4]) if _is_format(a)), None)
        if index is None:
            continue
        name = match[1]
        prefix = prefixes.get(name, prefixes.get("pr_fmt", "") if name.startswith("pr_") and name != "pr_cont" else "")
        texts = _filled(prefix + "".join(_strings(arguments[index])), arguments[index + 1 :], constants)
        yield Said(file, line + 1, owners[line], name, texts)


def _arguments(text: str, start: int) -> list[str] | None:
    """The arguments of a call, from after its bracket; None if there is no string, or no end within reach."""
    depth, begin, found = 0, start, []
    for match in islice(re.finditer(rf"{STRING}|'(?:\\.|[^'\\\n])*'|[(){{}},;]", text[start : start + 3000]), 300):
        token = match[0]
        if token in ("(", "{"):
            depth += 1
        elif token in (")", "}") and depth:
            depth -= 1
        elif token == ";" and not depth:
            return None
        elif token in (",", ")") and not depth:
            found.append(text[begin : start + match.start()])
            begin = start + match.end()
            if token == ")":
                return found if any('"' in argument for argument in found) else None
    return None


def _is_format(argument: str) -> bool:
    """Whether it consists only of strings and names (KERN_ERR, PRIx64)."""
    rest = re.sub(STRING, "", argument)
    return '"' in argument and re.fullmatch(r"[\w\s\\]*", rest) is not None


def _filled(form: str, arguments: Sequence[str], constants: Mapping[str, str]) -> tuple[str, ...]:
    """The lines of a format, with plausible arguments; each string in an argument is tried."""
    choices: list[list[str]] = []
    left = list(arguments)
    for match in CONVERSION.finditer(form):
        if match[3] == "%":
            choices.append(["%"])
            continue
        for star in (match[1], match[2]):
            if star == "*" and left:
                left.pop(0)
        argument = left.pop(0) if left else ""
        strings = _strings(argument) if match[3] == "s" else []
        choices.append(strings or [_likely(match, argument.strip(" \t\n\\"), constants)])
    most = max((len(choice) for choice in choices), default=1)
    pieces = CONVERSION.split(form)[:: CONVERSION.groups + 1]
    texts = []
    for n in range(most):
        values = [choice[min(n, len(choice) - 1)] for choice in choices] + [""]
        texts.append("".join(piece + value for piece, value in zip(pieces, values, strict=True)))
    return tuple(dict.fromkeys(line for text in texts for line in text.split("\n") if line.strip()))


def _likely(match: re.Match[str], argument: str, constants: Mapping[str, str]) -> str:
    if argument in constants:
        return constants[argument]
    if match[4]:
        return SYMBOLS.get(match[5] or "", POINTER)
    if "taint" in argument:
        return "Not tainted"
    width = int(match[1]) if match[3] in "xX" and (match[1] or "").isdigit() else 0
    return DEFAULTS[match[3]].rjust(width, "0")


def kind(text: str) -> str:
    """The kind of splat that kit finds in a kernel's line; "" for none."""
    row = row_of(Message(text, "", True), True)
    return row.kind if row and row.kind not in NO_SPLAT else ""


def unheard_rows(tree: Path) -> list[str]:
    """Rows of the table whose functions print something else in this tree, or are missing though they should exist."""
    return [fault for row in PATTERNS if row.kind not in NO_SPLAT for fault in _fault(tree, row)]


def _fault(tree: Path, row: Pattern) -> list[str]:
    said_there: list[Said] = []
    there = False
    for place in places(row.source):
        for file in place.files:
            there |= bool(functions(tree, file).intersection(place.functions))
            said_there += [s for s in said(tree, file) if s.function in place.functions]
    if any(kind(text) == row.kind for s in said_there for text in s.texts):
        return []
    if there:
        words = sorted({text.strip() for s in said_there for text in s.texts})
        return (
            [f"{row.kind}: {row.source}: says nothing that is known, but {words[:6]}"]
            if is_within(row.versions, version(tree))
            else []
        )
    known = places(row.source) and is_within(row.versions, version(tree))
    return [f"{row.kind}: {row.source}: none of these is in this tree"] if known else []


def unheard_words(tree: Path) -> list[str]:
    """Messages that read like a failure, in files that report failures, without a kind and without an excuse."""
    found = []
    for pattern in FILES:
        for path in sorted(tree.glob(pattern)):
            file = str(path.relative_to(tree))
            found += [
                f"{s.file}:{s.line}: {s.function}: {text!r}"
                for s in said(tree, file)
                if PRINTS.search(s.call) and not ANNOUNCED.search(s.call)
                for text in s.texts
                if SUSPICIOUS.search(text) and CUT not in text and not kind(text) and not excuse(file, text)
            ]
    return list(dict.fromkeys(found))


def excuse(file: str, text: str) -> str:
    """Why a message that reads like a failure is none, or ""."""
    return next((e.because for e in EXCUSES if re.search(e.file, file) and re.search(e.text, text)), "")


if __name__ == "__main__":
    faults = [f"{tree}: {f}" for tree in sys.argv[1:] for f in unheard_rows(Path(tree)) + unheard_words(Path(tree))]
    print("\n".join(faults) or "all is heard")
    sys.exit(bool(faults))
