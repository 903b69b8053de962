"""The page in a real browser, on a desk and on a telephone: it loads without a complaint and fits, and Korean has letters.

Chromium is driven over the pipe of its DevTools protocol, with nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ecoai_pipeline.cli.bench_report import NIGHT, make_night
from ecoai_pipeline.domain import Industry, Month
from ecoai_pipeline.reporting.night.contents import About
from ecoai_pipeline.reporting.night.write import write_page
from ecoai_pipeline.settings import load_settings
from ecoai_pipeline.storage.lake import Lake

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium fonts-nanum"),
]


class Browser:
    """A page of a headless Chromium, and what its console said."""

    def __init__(self, process: subprocess.Popen[bytes], to: int, back: int) -> None:
        self._to, self._back, self._last, self._rest = to, back, 0, b""
        self.process, self.console = process, list[str]()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session: str | None = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        session = {"sessionId": self._session} if getattr(self, "_session", None) else {}
        message = {"id": self._last, "method": method, "params": parameters, **session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._last:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def wait(self, event: str) -> None:
        while self._next().get("method") != event:
            pass

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._back, 1 << 16)
            assert read, "Chromium has gone"
            self._rest += read
        one, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(one)
        if message.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.console.append(json.dumps(message["params"]))
        return message

    def open(self, page: Path, width: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.call("Page.navigate", url=page.as_uri())
        self.wait("Page.loadEventFired")

    def value(self, expression: str) -> Any:
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"]["value"]


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    there, to = os.pipe()
    back, here = os.pipe()

    def wire() -> None:
        os.dup2(there, 3)
        os.dup2(here, 4)

    command = [str(CHROMIUM), *QUIET, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    # The browser reads from descriptor 3 and writes to 4.
    process = subprocess.Popen(command, preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(there)
    os.close(here)
    try:
        yield Browser(process, to, back)
    finally:
        process.kill()
        process.wait()
        os.close(to)
        os.close(back)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The portfolio's and an industry's page, and a month's, in both languages."""
    root = tmp_path_factory.mktemp("pages")
    make_night(root, 16, 12)
    lake, settings, now, month = Lake(root), load_settings(), datetime(2025, 4, 1, tzinfo=UTC), Month.of(NIGHT)
    abouts = (About(month, NIGHT, None), About(month, NIGHT, Industry.METAL), About(month, None, Industry.METAL))
    return [path for about in abouts for path in write_page(lake, settings, about, now)[1].values()]


@pytest.mark.parametrize("width", [1280, 390])
def test_pages_load_and_fit(pages: list[Path], width: int, tmp_path: Path) -> None:
    with chromium(tmp_path / "profile") as browser:
        for page in pages:
            browser.open(page, width)
            assert browser.console == [], page
            assert browser.value("document.documentElement.scrollWidth") <= width, page
            assert browser.value("document.querySelectorAll('article svg.chart').length") > 0
            drawn = browser.value("[...document.querySelectorAll('svg')].every(svg => svg.getBoundingClientRect().height > 20)")
            assert drawn is True, page
            links = browser.value("[...document.querySelectorAll('nav a')].map(a => a.href)")
            assert all(link.startswith("file:///") for link in links)


def test_korean_has_letters(pages: list[Path], tmp_path: Path) -> None:
    """Two Korean letters are drawn as two different shapes, and not as the box of a letter that no font has."""
    drawn = """(() => { const draw = text => { const canvas = document.createElement('canvas'); const pen = canvas.getContext('2d');
        pen.font = getComputedStyle(document.body).font; pen.fillText(text, 5, 50); return canvas.toDataURL(); };
        return new Set([draw('정'), draw('부'), draw('\\u{10FFFE}')]).size })()"""
    with chromium(tmp_path / "profile") as browser:
        browser.open(next(page for page in pages if page.name.endswith(".ko.html")), 1280)
        assert browser.value("document.documentElement.lang") == "ko"
        assert browser.value(drawn) == 3


def test_what_the_console_says_is_heard(tmp_path: Path) -> None:
    page = tmp_path / "loud.html"
    page.write_text("<script>undefinedFunction()</script><img src='missing.png'>", encoding="utf-8")
    with chromium(tmp_path / "profile") as browser:
        browser.open(page, 1280)
        assert any("undefinedFunction" in line for line in browser.console)
