"""Checks of notebooks and studies before any compute."""

import pytest

from pipelines._check import notebook_problems


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("**Cost**: a second", "", "no line **Cost**"),
        ("# # Try first", "# Try first", "title"),
        (' tags=["findings"]', "", "0 cells are tagged findings"),
        ("  # any integer", "", "parameter 'seed' has no comment"),
        ("pass", "def f():\n    return 1", "defines a function"),
        ("pass", "x = 1\n" * 31, "31 lines"),
        ("pass", "print(undefined_name)", "'undefined_name' is not defined"),
        ("seed: int = 0", "idle: int = 0  # one\nseed: int = 0", "parameter 'idle' is not used"),
        ('begin("first"', 'begin("fist"', 'no cell calls begin("first"'),
        ("run.finish()", "run", "no cell calls run.finish()"),
        ("seed: int = 0", "seed = 0", "name: annotation = literal"),
    ],
)
def test_each_breach_of_the_contract_is_told(toy, before, after, complaint):
    path = toy.notebook("010_first", work="pass")
    assert notebook_problems(path) == []
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    assert any(complaint in problem for problem in notebook_problems(path)), notebook_problems(path)


def test_names_may_come_from_loops_comprehensions_lambdas_and_exceptions(toy):
    work = """
    for a, (b, c) in []: print(a, b, c)
    squares = [d * d for d in range(3)]
    double = lambda e: 2 * e
    try:
        pass
    except ValueError as error:
        print(error)
    with open("x") as lines:
        print(lines, (g := 1), g)
    """
    assert notebook_problems(toy.notebook("010_first", work=work)) == []


def test_check_looks_at_pairs_notebooks_and_all_studies(toy, command):
    toy.chain()
    command("pair")
    assert command("check")[0] == 0
    toy.study("stages: {first: {params: {cuont: 1}}}", name="second_study")
    code, text = command("check")
    assert code == 2
    assert "second_study.yaml: first: 'cuont' is not a parameter. Did you mean 'count'?" in text


def test_a_notebook_that_is_bound_to_fail_never_starts(toy, command):
    toy.notebook("010_first", work="print(nowhere)")
    toy.study("stages: {first: {}}")
    code, text = command("run", "toy")
    assert code == 2
    assert "010_first.py: line 29: 'nowhere' is not defined" in text
    assert not toy.runs().exists()


def test_magic_commands_and_lines_that_begin_with_a_percent_sign_are_read(toy):
    work = """
    %time 1
    if seed:
        !ls
    text = ("%d"
            % seed)
    """
    assert notebook_problems(toy.notebook("010_first", work=work)) != []  # both in one cell: not Python for us
    assert notebook_problems(toy.notebook("010_first", work=work.replace("% seed", "+ text", 1))) == []
