"""The table of report formats: a format is a module with a `render`, and a row here. A format's module is loaded when
it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from kit.base.visible import visible

TYPE_CHECKING = False  # typing's own costs 7 ms of every start
if TYPE_CHECKING:
    from kit.report.style import Style
    from kit.store.runfiles import Files

    Render = Callable[[Sequence[Files], Style], str]


OWN_WAY = (".json", ".csv", ".html")  # JSON has escapes of its own; of the others the module itself does it


class Report:  # no dataclass: importing that is a tenth of every start of kit, whose command line lists the formats
    """`module`: its `render` takes one or more runs and gives the whole file. `file`: its usual name in a run's folder.
    `about`: for `kit report --help`. `itself`: `kit run` and `kit bisect` write it."""

    def __init__(self, module: str, file: str, about: str, *, itself: bool = False) -> None:
        self.module, self.file, self.about, self.itself = module, file, about, itself

    @property
    def render(self) -> Render:
        """Loads the module. Control characters are made visible, except where the format has its own way. What it
        returns raises MachineError for a verdict.json or bisect.json that is not as kit writes it."""
        found: Render = import_module(self.module).render
        own_way = self.file.endswith(OWN_WAY)

        def render(files: Sequence[Files], style: Style) -> str:
            with import_module("kit.report.damage").as_written(files):
                text = found(files, style)
            return text if own_way else visible(text)

        return render


REPORTS: Mapping[str, Report] = {
    "text": Report("kit.report.terminal", "report.txt", "what `kit run` prints"),
    "json": Report("kit.report.asjson", "report.json", "verdict.json or bisect.json; of several runs a list"),
    "html": Report("kit.report.html", "report.html", "one page that opens from disk: what people look at", itself=True),
    "junit": Report("kit.report.junit", "junit.xml", "JUnit's XML, for a CI", itself=True),
    "ktap": Report("kit.report.ktap", "report.ktap", "the kernel's own test format"),
    "mail": Report("kit.report.mail", "mail.txt", "for the list: plain text of 72 columns"),
    "markdown": Report("kit.report.markdown", "report.md", "for a forge's comment or summary"),
    "csv": Report("kit.report.commas", "report.csv", "every number, for a spreadsheet"),
    "folded": Report("kit.report.stacks", "report.folded", "instructions by call chain, for flamegraph.pl, speedscope"),
    "kcidb": Report("kit.report.kcidb", "kcidb.json", "for KernelCI's database"),
    "b4": Report("kit.report.b4", "b4.json", "what `b4 review` reads from a check"),
}
