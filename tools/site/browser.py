"""`python -m tools.site.browser DIRECTORY [SCREENSHOTS]`: check the built site in Chromium.

Pages load without an error and from this host alone, search and keyboard work, a phone does not scroll sideways, and
axe finds nothing serious, light and dark. `tests/npm/site.mjs` does it; `npm install --prefix tests/npm` installs what
it needs, except for Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

SCRIPT = Path(__file__).parents[2] / "tests" / "npm" / "site.mjs"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing; the browser reports failed requests."""

    def handle_one_request(self) -> None:
        """Answer a request, unless the browser has already left the page."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True


def main(arguments: list[str]) -> int:
    """Check the site in a directory; return the exit status."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    node = shutil.which("node")
    if chromium is None or node is None:
        print("needs Chromium and Node.js", file=sys.stderr)
        return 2
    directory, *screenshots = arguments
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=directory)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        command = [node, str(SCRIPT), chromium, f"http://127.0.0.1:{server.server_port}/", *screenshots]
        status = subprocess.run(command, check=False, timeout=300).returncode
        server.shutdown()
    print(f"{directory}: {'no problems' if status == 0 else 'problems'} in Chromium")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
