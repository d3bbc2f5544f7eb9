"""Which code a notebook stands on, read from syntax trees."""

import pytest

from pipelines import _code


@pytest.fixture
def library(toy):
    """A `shared` with two rooms, and a function to write its modules."""

    def write(name: str, text: str) -> None:
        for found in (_code._module, _code._resolve):
            found.cache_clear()
        path = toy.root / "shared" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    write("__init__.py", "")
    write("rooms/__init__.py", "from shared.rooms._one import one\nfrom shared.rooms._two import two\n")
    write("rooms/_one.py", "def one():\n    from shared.deep import dig\n    return dig\n")
    write("rooms/_two.py", "import numpy\ntwo = 2\n")
    write("deep/__init__.py", "from shared.deep._dig import dig\n")
    write("deep/_dig.py", "import yaml\nfrom ._tool import tool\ndig = tool\n")
    write("deep/_tool.py", "tool = 1\n")
    yield write
    for found in (_code._module, _code._resolve):
        found.cache_clear()


def test_imports_are_followed_through_rooms_functions_and_relative_imports(toy, library):
    path = toy.notebook("010_first", work="from shared.rooms import one")
    assert {"shared.rooms._one", "shared.deep._dig", "shared.deep._tool"} <= set(_code.code_behind(path).modules)


def test_a_module_of_the_room_that_the_name_does_not_come_from_does_not_count(toy, library):
    code = _code.code_behind(toy.notebook("010_first", work="from shared.rooms import one"))
    assert "shared.rooms._two" not in code.modules
    assert "PyYAML" in code.packages or "pyyaml" in code.packages
    assert "numpy" not in code.packages


def test_importing_the_room_as_a_whole_counts_all_of_it(toy, library):
    code = _code.code_behind(toy.notebook("010_first", work="import shared.rooms as rooms"))
    assert {"shared.rooms._one", "shared.rooms._two"} <= set(code.modules)


def test_a_module_imported_by_its_own_name_counts(toy, library):
    code = _code.code_behind(toy.notebook("010_first", work="from shared.rooms import _two"))
    assert "shared.rooms._two" in code.modules


def test_code_counts_and_comments_and_docstrings_do_not(toy, library):
    path = toy.notebook("010_first", work="from shared.rooms import two")
    before = _code.code_behind(path)
    library("rooms/_two.py", '"""What two is."""\n\nimport numpy\n\ntwo = 2  # two\n')
    assert _code.code_behind(path) == before
    library("rooms/_two.py", "import numpy\ntwo = 3\n")
    assert _code.code_behind(path).modules["shared.rooms._two"] != before.modules["shared.rooms._two"]


def test_files_beside_the_modules_of_a_room_count(toy, library):
    path = toy.notebook("010_first", work="from shared.rooms import two")
    before = _code.code_behind(path).modules
    library("rooms/words.txt", "yes\n")
    assert _code.code_behind(path).modules != before


def test_values_in_the_parameters_cell_do_not_count_as_code(toy, library):
    path = toy.notebook("010_first", work="pass")
    before = _code.code_behind(path).notebook
    path.write_text(path.read_text().replace("seed: int = 0", "seed: int = 7"))
    assert _code.code_behind(path).notebook == before


def test_a_cell_with_a_magic_command_counts_as_its_text(toy, library):
    path = toy.notebook("010_first", work="%time 1")
    before = _code.code_behind(path).notebook
    path.write_text(path.read_text().replace("%time 1", "%time 2"))
    assert _code.code_behind(path).notebook != before


def test_a_name_that_a_room_makes_at_run_time_stands_on_the_whole_room(toy, library):
    library("late/__init__.py", "def __getattr__(name):\n    return 1\n")
    library("late/_a.py", "a = 1\n")
    code = _code.code_behind(toy.notebook("010_first", work="from shared.late import a"))
    assert {"shared.late.__init__", "shared.late._a"} <= set(code.modules)


def test_imports_by_name_count(toy, library):
    library("rooms/_two.py", "from importlib.util import find_spec\ntwo = find_spec('numpy')\n")
    code = _code.code_behind(toy.notebook("010_first", work="from shared.rooms import two"))
    assert "numpy" in code.packages
