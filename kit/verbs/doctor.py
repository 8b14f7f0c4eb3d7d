"""`kit doctor`: prints what kit needs, and whether this machine has it."""

from __future__ import annotations

import argparse
import json

from kit.base.project import PROJECT


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit doctor`."""
    verb.add_argument("--kvm", action="store_true", help="try KVM now, by a boot of a cached kernel")
    verb.add_argument("--json", action="store_true", help="print JSON")


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.report.machine import render_doctor
    from kit.report.progress import choose
    from kit.run.doctor import examine
    from kit.store.cache import Cache

    found = examine(Cache(), choose(False), str(PROJECT), try_kvm=options.kvm)
    shown = found.as_json()
    print(json.dumps(shown, indent=2) + "\n" if options.json else render_doctor(shown), end="")
    return found.exit_code
