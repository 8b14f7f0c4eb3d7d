"""A guest without a kernel, for the fake QEMU: a fake vmlinux and an initramfs in, the frames of a good boot out.

What the kernel does is said in comments of its mm/rmap.c: `profile: NAME` (of kit.model), `off by one`, `locks: CLASS
N` (a lock more, taken N times in each window). The counts are
those that kit's model predicts for a small fixed layout, so this tests all of kit but the model itself. Answers of the
model are kept in the folder that KIT_FAKE_ANSWERS names: importing it would be most of a fake boot's time.
"""

import base64
import json
import os
import random
import re
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

RELEASE = "6.1.0-fake"
LAYOUT = (
    SimpleNamespace(start=0x400000, end=0x40F000, perms="r-xp", anonymous=0, name="/worker"),
    SimpleNamespace(start=0x411000, end=0x413000, perms="rw-p", anonymous=4, name="/worker"),
    SimpleNamespace(start=0x7FFFFFFDE000, end=0x7FFFFFFFF000, perms="rw-p", anonymous=68, name="[stack]"),
)

WARNING = b"""\
[    1.200000] ------------[ cut here ]------------
[    1.200001] WARNING: CPU: 0 PID: 23 at mm/rmap.c:420 unlink_anon_vmas+0x1b/0x20
[    1.200002] Call Trace:
[    1.200003] ---[ end trace 0000000000000000 ]---
"""


def printed(good, fault):
    """What a good boot prints, and the warning of a kernel that has that fault."""
    return good.replace(b"kit: init\r\n", b"kit: init\r\n" + WARNING) if fault == "warning" else good


def cpio_files(archive):
    """Name → content of the archives that follow each other in an initramfs."""
    found, at = {}, 0
    while at < len(archive):
        if archive[at] == 0:
            at += 4
            continue
        fields = [int(archive[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        size, name_size = fields[6], fields[11]
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        at += -(-(110 + name_size) // 4) * 4
        found[name] = archive[at : at + size]
        at += -(-size // 4) * 4
    return found


def results(kernel, initrd, cpus, speed=1):
    """All bytes that the guest sends. `speed`: windows take so many times as long."""
    files = cpio_files(initrd)
    conf = dict(line.split("=", 1) for line in files["boot.conf"].decode().splitlines())
    payloads = [("hello", 1, RELEASE, cpus)]
    for number in range(sum(key.startswith("worker.") for key in conf)):
        name = conf[f"worker.{number}"]
        if f"program.{number}" in files:
            payloads += worker(kernel, name, files[f"program.{number}"].decode(), speed, "idle" in conf)
        else:
            payloads += program(kernel, name)
    if not any(fields[0] == "layout" for fields in payloads):
        payloads += [("worker", "/bin/sh"), ("layout", 0)]
    payloads.append(("end", len(payloads)))
    return b"".join(frame(conf["nonce"], seq, fields) for seq, fields in enumerate(payloads))


def program(kernel, name):
    """The frames of a payload: it prints what a comment `prints: TEXT` says; `exits: N` is its status."""
    said = re.search(r"/\* prints: (.*?) \*/", kernel)
    text = (said[1] if said else "").encode()
    status = re.search(r"/\* exits: (\d+) \*/", kernel)
    yield ("ran", name, 1_000_000, status[1] if status else 0, 0, 0)
    yield ("printed", name, "stdout", len(text), len(text), 0)
    yield ("out", name, "stdout", base64.b64encode(text).decode())
    yield ("printed", name, "stderr", 0, 0, 0)
    if status:
        yield ("fail", f"{name}: exit status {status[1]}")
    yield ("window", name, 1_000_000)
    yield ("stat", name, "lock_stat version 0.4")
    yield ("row", name, "&anon_vma->rwsem: 0 0 0.00 0.00 0.00 0.00 0 77 0.00 0.00 0.00 0.00")
    yield ("closed", name)


def worker(kernel, name, text, speed, idle):
    """The frames of one worker. A comment `takes N` in the kernel: windows take N thousand nanoseconds."""
    takes = re.search(r"/\* takes (\d+) \*/", kernel)
    elapsed = round((int(takes[1]) if takes else 1000) * 1000 * speed)
    profile = re.search(r"/\* profile: (\S+) \*/", kernel)[1]
    extra = "/* off by one */" in kernel
    others = re.findall(r"/\* locks: (\S+) (\d+) \*/", kernel)
    yield ("worker", name)
    for v in LAYOUT:
        yield ("vma", f"{v.start:x}", f"{v.end:x}", v.perms, v.anonymous, v.name)
    yield ("layout", len(LAYOUT))
    for window, lock_class, acquisitions in counts(profile, text):
        yield ("window", window, elapsed)
        if idle:
            yield ("idle", window, elapsed // 10 if "/* idles */" in kernel else 0)
        yield ("stat", window, "lock_stat version 0.4")
        yield row(window, lock_class, acquisitions + extra)
        yield row(window, "&mm->mmap_lock-W", 10)
        for other, times in others:
            yield row(window, other, times)
        for user in range(users(text, window)):
            yield ("user", window, user, elapsed)
        yield ("closed", window)


def counts(profile, text):
    """(window, lock class, acquisitions) of each window, from the model or from what it said before."""
    kept = Path(os.environ["KIT_FAKE_ANSWERS"]) / f"{zlib.crc32(f'{profile} {text}'.encode()):08x}"
    if not kept.exists():
        draft = kept.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(predicted(profile, text)))
        draft.rename(kept)
    return json.loads(kept.read_text())


def predicted(profile, text):
    """What the model says. It has nothing on a script: some number is as good as another, if it is always the same."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from kit.model.parse import parse_program
    from kit.model.predict import predict

    program = parse_program(re.sub(r"^script$", "fork\nend", text, flags=re.MULTILINE))
    return [(name, p.lock_class, p.low) for name, p in predict(program, LAYOUT, profile).items()]


def speed(counts, append, log):
    """What the layout of memory does to a guest that counts its instructions, and noise to one that does not. `append`:
    the kernel's command line; `log`: what the fakes did so far, None without it.

    The noise is mostly small and seldom 0.2%: with evenly spread noise one A/A comparison in a thousand is at fault, as
    kit promises, and a test with it.
    """
    if counts:
        return 1 + len(append) % 7 / 1e4
    done = log.read_bytes() if log else b""
    return 1 + random.Random(done).random() ** 10 / 500 if done else 1


def row(window, name, acquisitions):
    """A class as /proc/lock_stat shows it."""
    return ("row", window, f"{name}: 0 0 0.00 0.00 0.00 0.00 7 {acquisitions} 0.10 9.00 99.00 0.50")


def users(text, window):
    """How many users a window has: 0 for one that is no `users` window."""
    found = re.search(rf"^users {re.escape(window)}\n(.*)", text, re.MULTILINE | re.DOTALL)
    return found[1].partition("\nusers ")[0].count("user\n") if found else 0


def frame(nonce, seq, fields):
    """One frame of guest/channel.h."""
    payload = "\t".join(map(str, fields)).encode()
    return f"K {nonce} {seq} {len(payload)} {zlib.crc32(payload):08x} ".encode() + payload + b"\n"
