"""Answers on disk by content: what was paid for is never paid for twice, also after `kill -9`."""

import json
from dataclasses import asdict
from pathlib import Path

from shared.llm._chat import Reply, Request, cache_key
from shared.runs import home, write_json


def default_cache() -> Path:
    """`runs/.cache/llm/` under the home of runs: shared by all runs, safe to delete."""
    return home() / "runs" / ".cache" / "llm"


class ReplyCache:
    """One JSON file a reply, named by the digest of backend and request and written atomically.

    Args:
        folder: where replies are kept; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, backend: str, asked: Request) -> Reply | None:
        """The reply kept for this request, or None. An unreadable file counts as none."""
        path = self._path(backend, asked)
        if path is None or not path.exists():
            return None
        try:
            return Reply(**json.loads(path.read_text(encoding="utf-8"))["reply"])
        except (json.JSONDecodeError, KeyError, TypeError):
            return None

    def put(self, backend: str, asked: Request, reply: Reply) -> None:
        """Keep a reply together with what was asked, so that a file explains itself."""
        path = self._path(backend, asked)
        if path is not None:
            write_json(path, {"backend": backend, "request": asdict(asked), "reply": reply._asdict()})

    def _path(self, backend: str, asked: Request) -> Path | None:
        key = cache_key(backend, asked)
        return None if self._folder is None else self._folder / key[:2] / f"{key}.json"
