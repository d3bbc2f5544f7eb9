"""The run folder: where a stage reads and writes, what it records, and the manifest that says it is complete.

A notebook opens its stage with `begin(stage, globals())`, reads earlier stages by table name, writes through the
run (atomically), records figures, and closes with `run.finish()`, which writes `manifest.json` last.
"""

from shared.params import UserError
from shared.runs._atomic import (
    PARTIAL,
    new_file,
    new_folder,
    write_bytes,
    write_json,
    write_jsonl,
    write_parquet,
    write_text,
)
from shared.runs._by_hand import HINT, REPORTS_URL
from shared.runs._digest import digest_of, digest_of_text
from shared.runs._places import (
    home,
    missing_hint,
    notebook_of,
    project,
    reports_folder,
    resolve_path,
    runs_folder,
    stage_folder,
    stage_numbers,
)
from shared.runs._private import Private, hidden, local_texts, strings_in
from shared.runs._progress import progress
from shared.runs._results import record, rounded, say
from shared.runs._run import RESULTS, Run, begin, declared_upstream, read_manifest

__all__ = [
    "HINT",
    "PARTIAL",
    "REPORTS_URL",
    "RESULTS",
    "Private",
    "Run",
    "UserError",
    "begin",
    "declared_upstream",
    "digest_of",
    "digest_of_text",
    "hidden",
    "home",
    "local_texts",
    "missing_hint",
    "new_file",
    "new_folder",
    "notebook_of",
    "progress",
    "project",
    "read_manifest",
    "record",
    "reports_folder",
    "resolve_path",
    "rounded",
    "runs_folder",
    "say",
    "stage_folder",
    "stage_numbers",
    "strings_in",
    "write_bytes",
    "write_json",
    "write_jsonl",
    "write_parquet",
    "write_text",
]
