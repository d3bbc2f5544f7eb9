"""What `--help` says about each command: a line for the list, then what it does, and commands to copy."""

from typing import NamedTuple


class Help(NamedTuple):
    """Help of one command: its line in the list of all, and its own page."""

    line: str
    page: str


HELP = {
    "run": Help(
        "run what is not up to date in a study",
        """Run the stages of a study that are not up to date, and write their report.

A study is a YAML in pipelines/studies, or one of your own: stages, their parameters, what each may read.
Every stage is one notebook. Mistakes in names and values are told before anything starts. A run that was
interrupted or killed is continued by the same command.

examples:
  python -m pipelines run demo
  python -m pipelines run demo --task explore                        one stage, and what it reads
  python -m pipelines run demo --set explore.seed=1 --run-version trial
  python -m pipelines run my_study.yaml --force classifier --jobs 4

The report is then reports/<run version>/index.html; what stages wrote is in runs/<run version>/<stage>/.
A page that cannot be drawn ends nothing: it says so itself, and the exit code is 3.""",
    ),
    "status": Help(
        "tell of each stage whether it is done, stale (and why), missing or failed",
        """Tell the state of each stage of a study. Nothing is run and nothing is written.

  done     it ran with today's code, parameters and inputs, and its outputs are as it wrote them
  stale    something changed since; each reason is named
  missing  it never ran, or was interrupted
  failed   it ended with an error; the report has a page about it

examples:
  python -m pipelines status demo
  python -m pipelines status demo --task classifier --set classifier.epochs=5    what would that value run?""",
    ),
    "report": Help(
        "write pages again, one file to send, or the page of a notebook run by hand",
        """Write the pages of a report. Nothing is executed.

examples:
  python -m pipelines report demo                          every page of a study again
  python -m pipelines report v0.1                          the same for a folder of runs/
  python -m pipelines report demo --one-file classifier    a single file that can be sent alone
  python -m pipelines report notebooks/110_explore.ipynb   a notebook that was run in JupyterLab and saved
  python -m pipelines report out.ipynb                     a notebook that papermill executed""",
    ),
    "compare": Help(
        "write a page with what differs between two runs",
        """Write a page with the parameters and the figures that differ between two runs.

examples:
  python -m pipelines compare demo trial
  python -m pipelines compare v1/grid/classifier.seed=0 v1/grid/classifier.seed=1""",
    ),
    "check": Help(
        "check pairs, notebooks and studies without running anything",
        """Check, before any compute, that each .ipynb says what its .py says, that notebooks keep their
shape, and that every study names stages and parameters that exist, with values that are legal.

examples:
  python -m pipelines check
  python -m pipelines check my_study.yaml""",
    ),
    "pair": Help(
        "write each .ipynb from its .py, or check that both say the same",
        """A notebook is two files: the .py is the text that people review, the .ipynb what JupyterLab opens.
This writes each .ipynb from its .py, without outputs. An edit is never overwritten silently: where the
.ipynb holds one that its .py does not have, the command stops and says how to keep or drop it.

examples:
  python -m pipelines pair                              all of them
  python -m pipelines pair --check                      write nothing, tell what differs
  python -m pipelines pair --from-ipynb 130_classifier  keep what was edited in JupyterLab""",
    ),
    "lab": Help(
        "JupyterLab at the start notebook (make lab)",
        """Open JupyterLab at notebooks/000_start.ipynb, for this machine only and with a token.

The start notebook shows what can be asked and what was run, and runs a study while you watch. Saving a
notebook that was run to its end also writes its report.

examples:
  python -m pipelines lab
  python -m pipelines lab --no-browser --port 9000    on another machine; then: ssh -L 9000:127.0.0.1:9000 host""",
    ),
    "test": Help("run the tests (make test)", "Run the tests on all cores; those marked slow only with --slow."),
    "lint": Help(
        "every static check (make lint)",
        "Run ruff, the formatter, mypy, the import contracts, the check of notebook pairs and of studies.",
    ),
    "bench": Help(
        "benchmarks (make bench)",
        "Run every benchmark side by side with its peer, print a line each, and write reports/bench.json.",
    ),
}
