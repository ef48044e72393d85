"""A real Chromium without a window, driven by the DevTools protocol over two pipes: no port, no further package."""

import contextlib
import fcntl
import itertools
import json
import os
import pathlib
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LIMIT_S = 60.0
"""Of one answer: a hang becomes a failure."""

FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # Containers run as root, and so does CI.
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # Nothing of this browser reaches a network.
)


def chromium() -> str | None:
    """Returns the program, or None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab. What it did is in ``events``: requests, messages, errors, dialogs."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests, self._answers = requests, answers
        self._numbers = itertools.count(1)
        self._rest = b""
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log", "Accessibility"):
            self.call(f"{domain}.enable")

    def open(self, path: pathlib.Path) -> None:
        """Opens a file and waits until it is loaded."""
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + LIMIT_S
        while not self.happened("Page.loadEventFired"):
            self._read(deadline)

    def evaluate(self, expression: str) -> Any:
        """Returns the value of a JavaScript expression, that of a promise once it is settled."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def press(self, selector: str, key: str, code: int) -> None:
        """Focuses an element and presses a key there, as a user does."""
        self.evaluate(f"document.querySelector({selector!r}).focus()")
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def happened(self, method: str) -> list[dict[str, Any]]:
        """Returns the parameters of all events of a kind since the page was opened."""
        return [event["params"] for event in self.events if event["method"] == method]

    def accessible(self) -> list[tuple[str, str]]:
        """Returns role and name of everything that a screen reader would come across."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", "").strip())
            for node in nodes
            if not node["ignored"]
        ]

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command and returns its answer."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._requests, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + LIMIT_S
        while True:
            answer = self._read(deadline)
            if answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            data = os.read(self._answers, 1 << 16) if ready else b""
            if not data:
                raise AssertionError("the browser gives no answer")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message


def _above(descriptor: int) -> int:
    higher = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return higher


@contextlib.contextmanager
def browser(program: str, profile: pathlib.Path) -> Iterator[Page]:
    """Starts a browser with an empty profile and ends it."""
    # It reads commands from its descriptor 3 and writes answers to 4. The shell lays them there from higher numbers.
    to_browser, from_us, to_us, from_browser = (_above(end) for pipe in (os.pipe(), os.pipe()) for end in pipe)
    lay = 'exec "$0" "$@" 3<&"$MM1_IN" 4>&"$MM1_OUT"'
    with open(profile.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", lay, program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(to_browser, from_browser),
            env={**os.environ, "MM1_IN": str(to_browser), "MM1_OUT": str(from_browser)},
            stdout=log,
            stderr=log,
        )
    os.close(to_browser)
    os.close(from_browser)
    try:
        page = Page(from_us, to_us)
        yield page
        page.call("Browser.close")
    finally:
        os.close(from_us)
        os.close(to_us)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
