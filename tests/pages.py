"""A browser for the tests of pages, and servers of files on loopback."""

import functools
import http.server
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from strata.publishing.demo import CDN
from tests.conftest import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
OPTIONS += "--disable-component-update --disable-sync"
PACKAGES = ROOT / "tests/node/node_modules"
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
NEEDS_PACKAGES = pytest.mark.skipif(
    not (PACKAGES / "@huggingface/transformers").is_dir(), reason="without its packages: cd tests/node && npm ci"
)
AT_LOOPBACK = "/npm/"
PATIENCE = 30_000  # milliseconds; two cores may be busy with other tests


@contextmanager
def opened_browser() -> Iterator:
    """Start Chromium, and end it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS.split())
        yield browser
        browser.close()


def npm_file(address: str) -> Path:
    """The file of an npm package that jsDelivr serves at an address."""
    return PACKAGES / re.sub(r"(?<=.)@\d[^/]*", "", address.removeprefix(CDN))


class Visit:
    """A page that is visited, and whatever it asks for."""

    def __init__(self, browser, address: str, width: int = 1280):
        self.page = browser.new_page(viewport={"width": width, "height": 900})
        self.page.set_default_timeout(PATIENCE)
        self.address, self.asked, self.errors = address, [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def __enter__(self) -> "Visit":
        self.page.goto(self.address)
        return self

    def __exit__(self, *raised: object) -> None:
        self.page.close()
        if raised[0] is None:
            assert self.errors == []
            assert self.elsewhere() == []

    def elsewhere(self) -> list[str]:
        """The addresses that were asked for outside of the page's own server, and of the browser itself."""
        own = ("data:", "blob:", self.address)
        return [address for address in self.asked if not address.startswith(own)]

    def fits(self) -> bool:
        """Whether nothing stands out of the window at its right."""
        return self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@contextmanager
def files_at_loopback(folder: Path) -> Iterator[str]:
    """Serve a folder as any web server does, and npm's packages at /npm/ with the addresses of jsDelivr."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def translate_path(self, path: str) -> str:
            is_package = path.startswith(AT_LOOPBACK)
            return (
                os.fspath(npm_file(CDN + path.removeprefix(AT_LOOPBACK)))
                if is_package
                else super().translate_path(path)
            )

    handler = functools.partial(Handler, directory=os.fspath(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
