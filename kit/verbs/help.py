"""`kit help`: prints a topic's page, a verb's options, or the list of topics; on a terminal through a pager."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress

TYPE_CHECKING = False  # typing's own costs 7 ms of every start
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit help`."""
    verb.add_argument("topic", nargs="?", default="", metavar="TOPIC", help="a topic or a verb (default: list all)")
    verb.add_argument("--write", action="store_true", help="renew the tables in kit/help/*.md from the code (a clone)")


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.help.pager import show

    if options.write:
        from kit.help.tables import write

        print("\n".join(f"renewed: {topic}" for topic in write()) or "every table is as the code has it")
    else:
        show(text(options.topic))
    return 0


def text(topic: str) -> str:
    """The text for a topic. A page takes precedence over a verb of the same name. Raises UserError if it is unknown."""
    from kit.base.streams import shown
    from kit.help import pages
    from kit.verbs.table import parser

    if not topic:
        return pages.listing()
    if topic in pages.topics():
        return _render()(shown(pages.for_terminal(pages.text_of(topic))))
    verbs = verbs_of(parser())
    if topic in verbs:
        return verbs[topic].format_help()
    raise pages.unknown(topic, [*pages.topics(), *verbs])


def _render() -> Callable[[str], str]:
    """The function that formats markdown: with colours on a terminal if rich is installed, else unchanged."""
    if sys.stdout.isatty():
        with suppress(ImportError):
            from kit.help.rendered import rendered

            return rendered
    return str


def verbs_of(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The verbs of a command line."""
    found = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return next((action.choices for action in found), {})
