"""The parts of the Hugging Face Hub's protocol that a download needs, on the loopback."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

COMMIT = "c0ffee" + "0" * 34


@dataclass
class Hub:
    """Repositories by name, each a folder; one revision of each."""

    root: Path
    address: str = ""
    served: list[str] = field(default_factory=list)
    """Files that were sent, in order."""

    def repository(self, name: str) -> Path:
        """Makes a repository's folder."""
        folder = self.root / name
        folder.mkdir(parents=True)
        return folder


@contextmanager
def loopback_hub(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Serves the folders ``root/ORG/NAME``, and turns huggingface_hub to them and to an empty cache."""
    hub = Hub(root / "repositories")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "ENDPOINT": hub.address,
        "HUGGINGFACE_CO_URL_TEMPLATE": hub.address + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(root / "cache"),
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_PROGRESS_BARS": True,
    }.items():
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self) -> None:
            parts = urlsplit(self.path).path.strip("/").split("/")
            if parts[:2] == ["api", "models"]:
                self._describe(hub.root / parts[2] / parts[3], parts[4])
            else:
                self._file(hub.root / parts[0] / parts[1], "/".join(parts[4:]))

        def _describe(self, folder: Path, what: str) -> None:
            files = sorted(path for path in folder.iterdir()) if folder.is_dir() else []
            if not files:
                self._send(404, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
                return
            listed: object = {"id": folder.name, "sha": COMMIT, "siblings": [{"rfilename": f.name} for f in files]}
            if what == "tree":
                listed = [{"type": "file", "path": f.name, "size": f.stat().st_size, "oid": _digest(f)} for f in files]
            self._send(200, json.dumps(listed).encode(), {"Content-Type": "application/json"})

        def _file(self, folder: Path, name: str) -> None:
            path = folder / name
            if not path.is_file():
                self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
                return
            if self.command == "GET":
                hub.served.append(name)
            self._send(200, path.read_bytes(), {"ETag": f'"{_digest(path)}"', "X-Repo-Commit": COMMIT})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    return Handler


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
