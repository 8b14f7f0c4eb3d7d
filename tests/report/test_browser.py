"""Pages in a real browser: headless Chromium, started once for all, at the widths of a phone, a tablet and a desktop.
Nothing is cut off, and the console stays empty."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from test_page import many

from kit.report.html.page import html as page_html
from kit.report.html.site import flakes_page, history_page, index_page
from kit.report.runhistory import flips_of, series_of
from kit.report.runindex import Index
from kit.store.runfiles import read_files
from tests.report.folders import NAMES, REAL, every, folder, grid, run, told
from tests.report.test_history_of_runs import made

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.boot,  # 13 s of CPU: left out by --quick, as what boots kernels
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (apt-get install chromium)"),
]
WIDTHS = (360, 768, 1280)
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
    *("--virtual-time-budget=30000", "--dump-dom"),
)
# Of each frame: by how much it is wider than it is shown, and every text of a picture that leaves it, or hides another.
MEASURE = """
const out = [];
for (const frame of document.querySelectorAll('iframe')) {
  const doc = frame.contentDocument, root = doc.documentElement;
  doc.querySelectorAll('details').forEach(d => d.open = true);
  const over = root.scrollWidth - root.clientWidth, cut = [], small = [];
  for (const svg of doc.querySelectorAll('svg')) {
    const box = svg.viewBox.baseVal;
    for (const t of svg.querySelectorAll('text')) {
      const b = t.getBBox();
      if (b.x < -1 || b.y < -3 || b.x + b.width > box.width + 1 || b.y + b.height > box.height + 3)
        cut.push(t.textContent);
    }
    const scale = svg.getBoundingClientRect().width / box.width;
    if (scale * 11.5 < 8.5) small.push(scale * 11.5);
  }
  out.push({name: frame.name, over, cut, small, height: root.scrollHeight, title: doc.title});
}
document.body.innerHTML = '';
const pre = document.createElement('pre');
pre.id = 'measured';
pre.textContent = JSON.stringify(out);
document.body.append(pre);
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every kind of page: one of a thousand boots, one of runs side by side, and those of a history, too."""
    out = {name: told("html", files) for name, files in zip(NAMES, every(), strict=True)}
    out |= {name: told("html", read_files(folder(name))) for name in REAL}
    out["beside"] = told("html", run("better"), run("worse"), run("timed"))
    out["grid"] = told("html", grid(40, 8))
    out["thousand"] = told("html", many(1000, tmp_path_factory.mktemp("thousand")))
    words = ["same", "worse"] * 7
    with Index(made(tmp_path_factory.mktemp("runs"), [10.0 if i < 7 else 15.0 for i in range(14)], words)) as index:
        runs, points = index.runs(), index.points()
    out["index"] = page_html(index_page(runs))
    out["history"] = page_html(history_page(runs, series_of(points)))
    out["flakes"] = page_html(flakes_page(runs, flips_of(points)))
    return out


@pytest.fixture(scope="module")
def measured(pages: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], list[str]]:
    """What the browser measured of each page at each width, and what it wrote to its console."""
    folder = tmp_path_factory.mktemp("browser")
    frames = [
        f'<iframe name="{name} {width}" width="{width}" height="900" srcdoc="{html.escape(text)}"></iframe>'
        for name, text in pages.items()
        for width in WIDTHS
    ]
    file = folder / "all.html"
    script = f"<script>window.onload = () => {{ {MEASURE} }};</script>"
    file.write_text(f"<!DOCTYPE html><html><body>{''.join(frames)}{script}</body></html>")
    assert CHROMIUM is not None
    argv = [CHROMIUM, *OPTIONS, f"--user-data-dir={folder / 'profile'}", file.as_uri()]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    found = re.search(r'<pre id="measured">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1])), re.findall(r".*CONSOLE.*", done.stderr)


def test_nothing_is_cut_at_any_width(pages: dict[str, str], measured: tuple[list[dict[str, Any]], list[str]]) -> None:
    rows, _ = measured
    assert len(rows) == len(pages) * len(WIDTHS)
    assert {r["name"]: r["over"] for r in rows if r["over"] > 0} == {}
    assert {r["name"]: r["cut"] for r in rows if r["cut"]} == {}
    assert all(r["title"] and r["height"] > 300 for r in rows)


def test_text_of_pictures_can_be_read(measured: tuple[list[dict[str, Any]], list[str]]) -> None:
    assert {r["name"]: r["small"] for r in measured[0] if r["small"]} == {}


def test_the_console_stays_empty(measured: tuple[list[dict[str, Any]], list[str]]) -> None:
    assert measured[1] == []


def test_a_page_from_disk_loads_alone(pages: dict[str, str], tmp_path: Path) -> None:
    """As written, with its own content security policy."""
    file = tmp_path / "report.html"
    file.write_text(pages["real-broken"])
    assert CHROMIUM is not None
    argv = [CHROMIUM, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", file.as_uri()]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert "WARNING: CPU: 0" in done.stdout
    assert re.findall(r".*CONSOLE.*", done.stderr) == []
