"""The run folder: where a stage reads and writes, what it records, and the manifest that says it is complete.

A notebook opens its stage with `begin(stage, globals())`, reads earlier stages by table name, writes through the
run (atomically), records figures, and closes with `run.finish()`, which writes `manifest.json` last.
"""

from shared.params import UserError
from shared.runs._atomic import new_file, new_folder, write_bytes, write_json, write_jsonl, write_parquet, write_text
from shared.runs._digest import digest_of
from shared.runs._places import home, project, reports_folder, resolve_path, runs_folder, stage_folder, stage_numbers
from shared.runs._progress import progress
from shared.runs._results import record, say
from shared.runs._run import Run, begin, read_manifest

__all__ = [
    "Run",
    "UserError",
    "begin",
    "digest_of",
    "home",
    "new_file",
    "new_folder",
    "progress",
    "project",
    "read_manifest",
    "record",
    "reports_folder",
    "resolve_path",
    "runs_folder",
    "say",
    "stage_folder",
    "stage_numbers",
    "write_bytes",
    "write_json",
    "write_jsonl",
    "write_parquet",
    "write_text",
]
