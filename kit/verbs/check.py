"""`kit check`: prints an experiment's plan, or the keys of experiment files. It builds and boots nothing."""

from __future__ import annotations

import argparse
import json

from kit.verbs.common import change_arguments, change_of, experiment_arguments, named


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit check`."""
    experiment_arguments(verb)
    change_arguments(verb)
    verb.add_argument("--json", action="store_true", help="print the plan as JSON")
    keys = "explain the keys of an experiment file: all, or one and those inside it, for example guest or guest.cpus"
    verb.add_argument("--keys", nargs="?", const="", metavar="KEY", help=keys)
    verb.add_argument("--schema", action="store_true", help="print a JSON schema of experiment files, for editors")


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.experiment import keys
    from kit.experiment.reader import read_experiment
    from kit.run.estimate import show_plan
    from kit.store.cache import Cache
    from kit.store.eviction import scratch

    if options.keys is not None:
        found = keys.find(options.keys)
        print(json.dumps(keys.as_json(found), indent=2) if options.json else keys.as_text(found))
        return 0
    if options.schema:
        print(keys.schema_text(), end="")
        return 0
    with scratch() as inbox:
        change = change_of(options)
        exp = read_experiment(named(options.config, change), options.set, change, inbox)
        plan = show_plan(exp, Cache())
    print(json.dumps(plan.as_json(), indent=2) if options.json else plan.as_text())
    return 0
