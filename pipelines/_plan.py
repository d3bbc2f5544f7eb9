"""The plan of a run: which notebook is executed with which values, in which folder, after which others.

A grid runs every combination. A stage that the grid does not vary, neither itself nor through what it reads, runs once
in the study's own version. The others run in a folder a combination, one level for each stage that the grid varies, so
that stages between two varied ones are not repeated: `v1/grid/vqvae.codes=64/codes.seed=1`.
"""

import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipelines._study import StagePlan, Study, closure, missing_variables, resolved_values, topological_order
from shared.runs import UserError, digest_of_text, stage_folder, stage_numbers

GRID = "grid"
_LONGEST_LABEL = 100


@dataclass(frozen=True)
class Step:
    """One execution of one notebook.

    Attributes:
        stage: its noun.
        version: folder under `runs/`, of the study or of one combination of its grid.
        values: every parameter with its value, `run_version` and `upstream` included.
        values_from: where each value comes from.
        after: identities of the steps that it reads: they have to be done.
        readable: stages that it may read, directly or through what it reads.
        behind: identities of steps that only have to be over: of redacting stages the one before.
    """

    stage: str
    version: str
    values: dict[str, Any]
    values_from: dict[str, str]
    after: tuple[str, ...]
    readable: tuple[str, ...]
    behind: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """`version/stage`, unique within a plan."""
        return f"{self.version}/{self.stage}"

    @property
    def folder(self) -> Any:
        """Its run folder (a Path)."""
        return stage_folder(self.version, self.stage)


def make_plan(study: Study) -> list[Step]:
    """The steps of a study, in an order in which they can run.

    Args:
        study: checked by `study_problems`.
    """
    follows = _redaction_order(study.stages)
    order = topological_order(_waiting(study.stages, follows))
    steps: dict[str, Step] = {}
    for combination in combinations(study.grid):
        for stage in order:
            step = _step(study, stage, combination, follows.get(stage, ()))
            steps.setdefault(step.identity, step)
    return list(steps.values())


def combinations(grid: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """Every combination of a grid's values; one empty combination for no grid."""
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def _redaction_order(stages: Mapping[str, StagePlan]) -> dict[str, tuple[str, ...]]:
    """What each redacting stage waits for beside what it reads: the one before it, whose names it takes over.

    Nothing where the study already orders the two the other way round.
    """
    numbers = stage_numbers()
    redacting = sorted((stage for stage, plan in stages.items() if plan.values.get("redact")), key=numbers.__getitem__)
    follows: dict[str, tuple[str, ...]] = {}
    for earlier, later in itertools.pairwise(redacting):
        wanted = follows | {later: (earlier,)}
        follows = wanted if _has_order(_waiting(stages, wanted)) else follows
    return follows


def _waiting(stages: Mapping[str, StagePlan], follows: Mapping[str, tuple[str, ...]]) -> dict[str, StagePlan]:
    return {stage: replace(plan, after=(*plan.after, *follows.get(stage, ()))) for stage, plan in stages.items()}


def _has_order(stages: Mapping[str, StagePlan]) -> bool:
    try:
        topological_order(stages)
    except UserError:
        return False
    return True


def _step(study: Study, stage: str, combination: Mapping[str, Any], follows: tuple[str, ...]) -> Step:
    plan = study.stages[stage]
    varied = {key.partition(".")[2]: value for key, value in combination.items() if key.partition(".")[0] == stage}
    plan = replace(plan, values=plan.values | varied, values_from=plan.values_from | dict.fromkeys(varied, GRID))
    values, origins = resolved_values(plan)
    version = version_of(study, stage, combination)
    return Step(
        stage=stage,
        version=version,
        values=values | {"run_version": version, "upstream": list(plan.after)},
        values_from=origins | {"run_version": "study", "upstream": "study"},
        after=_identities(study, plan.after, combination),
        readable=tuple(closure(study.stages, stage)),
        behind=_identities(study, follows, combination),
    )


def _identities(study: Study, stages: Iterable[str], combination: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{version_of(study, name, combination)}/{name}" for name in dict.fromkeys(stages))


def version_of(study: Study, stage: str, combination: Mapping[str, Any]) -> str:
    """The version folder in which a stage runs for one combination of the grid."""
    varied = list(dict.fromkeys(key.partition(".")[0] for key in combination))
    levels = [name for name in topological_order(study.stages) if name in varied]
    reads = {stage, *closure(study.stages, stage)}
    # As deep as the last varied stage that this one depends on: deeper levels make no difference to it.
    depth = max((index + 1 for index, name in enumerate(levels) if name in reads), default=0)
    labels = [_label({k: v for k, v in combination.items() if k.partition(".")[0] == name}) for name in levels[:depth]]
    return "/".join([study.run_version, *([GRID] if labels else []), *labels])


def _label(part: Mapping[str, Any]) -> str:
    exact = ",".join(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in part.items())
    safe = re.sub(r"[^A-Za-z0-9._=,+-]+", "_", exact)[:_LONGEST_LABEL]
    # Two values may look the same once they are safe; the digest keeps their folders apart.
    return safe if safe == exact else f"{safe}-{digest_of_text(exact)[:6]}"


def environment_problems(steps: Iterable[Step]) -> list[str]:
    """Environment variables that the steps need and that are not set, a sentence each."""
    return list(dict.fromkeys(p for step in steps for p in missing_variables(step.stage, step.values)))
