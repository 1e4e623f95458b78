"""A catalogue with a model that lies on a server of this computer, for tests of downloading."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ENTRY = {
    "version": "1", "license": "CC BY 4.0", "training_data": "made up", "accuracy": {}, "architecture": "none",
    "input_shape_px": [128, 128], "spacing_mm": 1.4, "preprocessing": "sax-3-slices-zscore-v1",
}  # fmt: skip


class Server:
    """contents: bytes by name. asked: the names that were asked for. gate: an answer's last byte waits for it."""

    def __init__(self):
        self.contents, self.asked, self.gate = {}, [], threading.Event()
        self.gate.set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.removeprefix("/")
                server.asked.append(name)
                if name not in server.contents:
                    self.send_error(404)
                    return
                content = server.contents[name]
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                try:
                    self.wfile.write(content[:-1])
                    self.wfile.flush()
                    server.gate.wait(10.0)
                    self.wfile.write(content[-1:])
                except (BrokenPipeError, ConnectionResetError):
                    pass  # who asked has canceled

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self):
        self.gate.set()
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def running_server():
    server = Server()
    try:
        yield server
    finally:
        server.close()


def file_entry(name, content, url):
    return {"file": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "url": f"{url}/{name}"}


def write_catalogue(folder, *entries):
    """As Resources/Models/models.json. folder: that stands for Resources."""
    (folder / "Models").mkdir(parents=True, exist_ok=True)
    (folder / "Models" / "models.json").write_text(json.dumps({"models": [{**ENTRY, **entry} for entry in entries]}))
