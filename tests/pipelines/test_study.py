"""Studies: what their YAML may say, and what is refused before any compute."""

import pytest

from pipelines._plan import make_plan
from pipelines._study import load_study, narrowed, override, study_problems
from shared.runs import UserError


def test_structure_problems_are_told_all_at_once_with_suggestions(toy):
    toy.chain()
    toy.study(
        """
        run_versoin: v1
        stages:
          first: {parms: {count: 1}}
          second: {after: [frist], params: {run_version: v2}}
        grid: {third.x: [1], second.factor: 3}
        """
    )
    with pytest.raises(UserError) as problems:
        load_study("toy")
    text = str(problems.value)
    assert "Unknown key 'run_versoin'. Did you mean 'run_version'?" in text
    assert "stages.first: unknown key 'parms'. Did you mean 'params'?" in text
    assert "'frist' is not a stage of this study. Did you mean 'first'?" in text
    assert "'run_version' is set by the runner" in text
    assert "grid: 'third.x' is not stage.parameter" in text
    assert "expected a list of values to try" in text


def test_a_study_is_found_by_path_or_by_name_and_a_close_name_is_suggested(toy):
    toy.chain()
    path = toy.root / "pipelines" / "studies" / "toy.yaml"
    assert load_study("toy").path == load_study(str(path)).path == load_study("pipelines/studies/toy.yaml").path
    with pytest.raises(UserError, match="Did you mean 'toy'"):
        load_study("toyy")


def test_stages_that_wait_for_each_other_are_refused(toy):
    toy.chain()
    toy.study("stages: {first: {after: [second]}, second: {after: [first]}}")
    assert any("in a circle: first, second" in problem for problem in study_problems(load_study("toy")))


def test_a_stage_without_notebook_is_refused_unless_the_task_does_not_need_it(toy):
    toy.chain()
    toy.study("stages: {first: {}, secnd: {}}")
    study = load_study("toy")
    assert any("Did you mean 'second'?" in problem for problem in study_problems(study))
    assert study_problems(narrowed(study, "first")) == []


def test_numbers_that_yaml_reads_as_text_are_numbers(toy):
    toy.chain()
    toy.study("stages: {first: {}, second: {params: {factor: 1e-1}}}")  # YAML 1.1 reads 1e-1 as a string
    study = load_study("toy")
    assert study_problems(study) == []
    assert make_plan(study)[1].values["factor"] == 0.1


@pytest.mark.parametrize(
    "secret",
    [
        "sk-" + "a" * 24,
        "ghp_" + "b" * 30,
        "hf_" + "c" * 30,
        "AKIA" + "D" * 16,
        "postgresql://me:hunter22@db.example.org/chats",
    ],
)
def test_a_secret_written_out_is_refused_without_being_repeated(toy, secret):
    toy.notebook("010_first", work="pass", parameters='key: str = ""  # anything')
    toy.study(f"stages: {{first: {{params: {{key: '{secret}'}}}}}}")
    problems = study_problems(load_study("toy"))
    assert len(problems) == 1
    assert "looks like a secret" in problems[0] and "_env" in problems[0]
    assert secret not in problems[0]


def test_the_command_line_changes_values_and_says_so(toy):
    toy.chain()
    study = override(load_study("toy"), ["first.count=7", "second.factor=2"], "v9")
    first, second = make_plan(study)
    assert (first.values["count"], first.values_from["count"], first.version) == (7, "command line", "v9")
    assert second.values["factor"] == 2
    for wrong, remedy in [("first=1", "expected stage.parameter=value"), ("frist.count=1", "Did you mean 'first'")]:
        with pytest.raises(UserError, match=remedy):
            override(study, [wrong], None)


@pytest.mark.parametrize("version", ["../v1", "", "a/b", ".hidden", "v 1"])
def test_a_run_version_that_leaves_its_folder_is_refused(toy, version):
    toy.chain()
    with pytest.raises(UserError, match="cannot name a folder"):
        override(load_study("toy"), [], version)


def test_grid_stages_run_once_for_each_value_that_they_depend_on(toy):
    # first is not varied: 1; second is varied by 2 values: 2; third reads second and is varied by 2 itself: 2 * 2 = 4
    toy.chain()
    toy.notebook("030_third", work="pass", parameters="depth: int = 1  # levels")
    toy.study(
        """
        run_version: g
        stages: {first: {}, second: {after: [first]}, third: {after: [second]}}
        grid: {third.depth: [1, 2], second.factor: [1, 2]}
        """
    )
    steps = make_plan(load_study("toy"))
    assert [sum(step.stage == name for step in steps) for name in ("first", "second", "third")] == [1, 2, 4]
    last = steps[-1]
    assert last.version == "g/grid/second.factor=2/third.depth=2"
    assert last.after == ("g/grid/second.factor=2/second",)


def test_values_of_a_grid_that_cannot_name_a_folder_get_a_safe_and_distinct_name(toy):
    toy.notebook("010_first", work="pass", parameters='model: str = ""  # a hub id')
    toy.study("stages: {first: {}}\ngrid: {first.model: [a/b, a_b, '../..']}")
    versions = [step.version for step in make_plan(load_study("toy"))]
    assert len(set(versions)) == 3
    assert all(version.count("/") == 2 and ".." not in version.split("/") for version in versions)


def test_one_entry_of_a_mapping_is_set_from_the_command_line(toy):
    toy.notebook("010_first", parameters="columns: dict[str, str] = {}  # names", work="len(columns)")
    path = toy.study("stages: {first: {params: {columns: {text: said}}}}")
    changed = override(load_study(str(path)), ["first.columns.outcome=how it ended", "first.columns.turn=no"], None)
    assert changed.stages["first"].values["columns"] == {"text": "said", "outcome": "how it ended", "turn": "no"}
    with pytest.raises(UserError, match="holds names and values"):
        override(load_study(str(path)), ["first.seed.x=1"], None)


def test_redact_of_a_study_goes_to_the_stages_that_read_from_outside_and_they_run_one_after_the_other(toy):
    redact = "redact: bool = False  # replace personal data"
    toy.notebook("010_first", parameters=redact, work="redact")
    toy.notebook("020_between", work="1")
    toy.notebook("030_last", parameters=redact, work="redact")
    path = toy.study("redact: true\nstages: {first: {}, between: {}, last: {}}")
    study = load_study(str(path))
    assert study_problems(study) == []
    steps = {step.stage: step for step in make_plan(study)}
    assert [steps[name].values.get("redact") for name in ("first", "between", "last")] == [True, None, True]
    assert steps["first"].values_from["redact"] == "study"
    # the second takes over the names that the first learned, though it reads none of its files
    assert steps["last"].behind == ("toy/first",) and steps["last"].after == steps["last"].readable == ()


def test_steps_stand_behind_those_that_they_wait_for_only_because_of_redaction(toy):
    # In the study's own order `last` would come first; a run goes through the steps once and would pass it by.
    redact = "redact: bool = False  # replace personal data"
    for name in ("010_first", "020_between", "030_last"):
        toy.notebook(name, parameters=redact, work="redact")
    path = toy.study("redact: true\nstages: {last: {}, between: {after: [first]}, first: {}}")
    assert [step.stage for step in make_plan(load_study(str(path)))] == ["first", "between", "last"]


def test_where_the_study_has_it_the_other_way_round_only_that_pair_does_not_wait(toy):
    redact = "redact: bool = False  # replace personal data"
    for name in ("010_first", "020_between", "030_last"):
        toy.notebook(name, parameters=redact, work="redact")
    path = toy.study("redact: true\nstages: {first: {}, between: {after: [last]}, last: {}}")
    steps = {step.stage: step.behind for step in make_plan(load_study(str(path)))}
    # first, between, last by number: between waits for first, last would wait for between, which reads last
    assert steps == {"first": (), "between": ("toy/first",), "last": ()}


def test_a_stage_may_say_otherwise_and_redact_must_be_true_or_false(toy):
    toy.notebook("010_first", parameters="redact: bool = False  # replace personal data", work="redact")
    own = toy.study("redact: true\nstages: {first: {params: {redact: false}}}", "own")
    assert load_study(str(own)).stages["first"].values == {"redact": False}
    with pytest.raises(UserError, match="redact is 'maybe', expected true or false"):
        load_study(str(toy.study("redact: maybe\nstages: {first: {}}", "wrong")))


def test_a_file_beside_the_study_is_found_by_its_name(toy, tmp_path):
    toy.notebook("010_first", parameters='corpus: str = "x.csv"  # a file', work="corpus")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "calls.csv").write_text("a")
    study = tmp_path / "mine" / "own.yaml"
    study.write_text("stages: {first: {params: {corpus: calls.csv}}}")
    assert load_study(str(study)).stages["first"].values == {"corpus": str(tmp_path / "mine" / "calls.csv")}
    study.write_text("stages: {first: {params: {corpus: cals.csv}}}")
    assert load_study(str(study)).stages["first"].values == {"corpus": "cals.csv"}
