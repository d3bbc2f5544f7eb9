"""The runner: studies of notebooks, planned by content, executed headless, shown as reports.

Command line: `python -m pipelines --help`.
"""
