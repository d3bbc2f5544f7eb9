"""What JupyterLab's server does for this house: it shows reports as they are, and has those of saved notebooks written.

JupyterLab's own viewer shows an HTML file without its scripts and styles; `/reports/` serves the folder of reports to
whoever is logged in. Pages may draw themselves and lead to each other; they cannot reach the notebooks and kernels of
the server that shows them: nothing may be fetched, sent, framed or opened by a script.
"""

import os
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import AuthenticatedFileHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web

from pipelines._by_hand import awaits_report
from shared.runs import REPORTS_URL, home


def prepare(server: ServerApp) -> None:
    """Add the route to the reports, and have every saved notebook looked at.

    Args:
        server: the server that is about to start.
    """
    base = server.web_app.settings["base_url"]
    files = {"path": str(home() / "reports"), "default_filename": "index.html"}
    server.web_app.add_handlers(".*$", [(url_path_join(base, "reports/(.*)"), _ReportHandler, files)])
    server.contents_manager.register_post_save_hook(after_saving)
    server.io_loop.add_callback(_tell_kernels, server)  # once the server runs, its port is known


def _tell_kernels(server: ServerApp) -> None:
    os.environ[REPORTS_URL] = url_path_join(server.connection_url, "reports/")


# Without allow-same-origin the browser would send no cookie for styles and scripts, and the server refuse them.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-scripts allow-same-origin allow-modals allow-downloads"
)


class _ReportHandler(AuthenticatedFileHandler):
    @property
    def content_security_policy(self) -> str:
        """What a page of a report may do in a browser."""
        return _POLICY

    @web.authenticated
    @authorized
    def get(self, path: str, **options: Any) -> Awaitable[None]:  # type: ignore[override]  # as the class above
        """A file of a report; unlike a notebook it may be opened by a link from anywhere."""
        return web.StaticFileHandler.get(self, path, **options)


def after_saving(*, os_path: str, model: dict[str, Any], **_: Any) -> None:
    """Write the report of a saved notebook in a process of its own, if its run was finished by hand.

    Args:
        os_path: the file that was saved.
        model: what the server knows of it; its `type` is `notebook`, `file` or `directory`.
    """
    path = Path(os_path)
    if model["type"] == "notebook" and path.suffix == ".ipynb" and awaits_report(path):
        # Saving must neither wait for the page nor fail because of it; what is wrong is told in the server's log.
        subprocess.Popen([sys.executable, "-m", "pipelines", "report", str(path)], cwd=path.parent)
