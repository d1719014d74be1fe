"""A headless Chromium, and the requests that a script of a web page can send with it."""

import base64
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver import Chrome
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

from testbed.cluster import packages

NAMES = ("page.example", "rebound.example")
"""Names of sites that resolve to 127.0.0.1 in this browser."""

SECONDS = 20
"""How long a page may take to load, and a request to be answered."""

# How a page sends requests that need no preflight: they reach any server, even if no answer can be read.
WAYS = {"GET": ("fetch", "no-cors", "image", "frame"), "POST": ("fetch", "no-cors", "form")}

_PACKAGES = ("chromium", "chromium-driver")
_PROGRAMS = ("chromium", "chromedriver")

# Calls back with all that the page could read: status and text, or nothing.
_SEND = """
const [way, url, request, done] = arguments;
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const files = Object.entries(request.files).map(([name, text]) => [name, new File([bytes(text)], name)]);

function body() {
  if (files.length === 0) return request.method === "GET" ? undefined : bytes(request.body);
  const form = new FormData();
  files.forEach(([name, file]) => form.append(name, file));
  return form;
}

function byFetch(mode) {
  const headers = request.type ? { "Content-Type": request.type } : {};
  fetch(url, { method: request.method, mode, headers, body: body(), cache: "no-store" }).then(
    async (answer) => done(answer.type === "opaque" ? "" : `${answer.status} ${await answer.text()}`),
    () => done(""),
  );
}

function frame() {
  const made = document.createElement("iframe");
  made.name = `frame-${Math.random()}`;
  document.body.append(made);
  made.onload = () => done(made.contentDocument?.body.innerText ?? "");
  return made;
}

function input(name, fields) {
  return Object.assign(document.createElement("input"), { name, ...fields });
}

function form(target) {
  const made = document.createElement("form");
  Object.assign(made, { action: url, method: "POST", target });
  made.enctype = files.length ? "multipart/form-data" : "text/plain";
  for (const [name, file] of files) {
    const chosen = new DataTransfer();
    chosen.items.add(file);
    made.append(input(name, { type: "file" }));
    made.lastChild.files = chosen.files;
  }
  if (files.length === 0) made.append(input(atob(request.body), { type: "hidden" }));
  document.body.append(made);
  return made;
}

function navigate() {
  done("");
  if (request.method === "GET") location.assign(url);
  else form("_top").submit();
}

function byImage() {
  const image = new Image();
  image.onload = image.onerror = () => done("");
  image.src = url;
}

({
  fetch: () => byFetch("cors"),
  "no-cors": () => byFetch("no-cors"),
  frame: () => (frame().src = url),
  form: () => form(frame().name).submit(),
  image: byImage,
  navigate,
})[way]();
"""


@dataclass(frozen=True)
class Request:
    """What a page sends: a body of one content type, or a form with files by the name of their field."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = "text/plain"
    files: Mapping[str, bytes] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path} {'multipart/form-data' if self.files else self.content_type}"

    @property
    def ways(self) -> tuple[str, ...]:
        """How a page can send it to another origin. Other methods need the server's consent (a preflight)."""
        return WAYS.get(self.method, ("fetch",))

    @property
    def script_argument(self) -> Mapping[str, Any]:
        """The request in JSON; bytes are in base64."""
        return {
            "method": self.method,
            "type": "" if self.files or self.method == "GET" else self.content_type,
            "body": _base64(self.body),
            "files": {name: _base64(content) for name, content in self.files.items()},
        }


def send(browser: Chrome, request: Request, url: str, way: str = "fetch") -> str:
    """Let the open page send a request to the server `url`, its own if empty, and wait for the answer.

    Returns what the page can read of the answer: status and text, or nothing.
    """
    read: str = browser.execute_async_script(_SEND, way, url + request.path, request.script_argument)
    return read


def navigate(browser: Chrome, page: str, request: Request, url: str) -> int:
    """Open `page`, and let it replace itself by an answer of the server `url`. Returns its status."""
    browser.get(page)
    send(browser, request, url, "navigate")
    WebDriverWait(browser, SECONDS).until(lambda shown: shown.current_url == url + request.path)
    status: int = browser.execute_script(
        "return performance.getEntriesByType('navigation')[0].responseStatus"
    )
    return status


@contextmanager
def running() -> Iterator[Chrome]:
    """The browser, with `NAMES`. Installs Debian's packages; skips the test where that is impossible."""
    chromium, driver = _programs()
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",  # Chromium refuses to run as root with one
        "--disable-dev-shm-usage",
        "--no-proxy-server",
        "--window-size=1400,900",
        f"--host-resolver-rules={', '.join(f'MAP {name} 127.0.0.1' for name in NAMES)}",
    ):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, Service(driver))
    try:
        browser.set_script_timeout(SECONDS)
        browser.set_page_load_timeout(SECONDS)
        yield browser
    finally:
        browser.quit()


def _programs() -> tuple[str, str]:
    if None in map(shutil.which, _PROGRAMS):
        if os.geteuid() != 0 or platform.freedesktop_os_release()["ID"] != "debian":
            pytest.skip(f"needs {' and '.join(_PROGRAMS)} in PATH; root on Debian installs them")
        packages.install(_PACKAGES)
    chromium, driver = (shutil.which(name) or name for name in _PROGRAMS)
    return chromium, driver


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
