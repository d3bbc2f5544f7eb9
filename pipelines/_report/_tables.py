"""Tables of pandas as a reader wants them: no row numbers, no NaN, lines that break, no empty frame without a word.

Only the HTML that pandas itself writes is touched, before it is reduced to plain markup; the cells keep their text.
"""

import re

_TABLE = re.compile(r'<table border="1" class="dataframe">.*?</table>', re.DOTALL)
_HEAD = re.compile(r"<thead>(.*?)</thead>", re.DOTALL)
_FIRST_HEADER = re.compile(r"(<thead>\s*<tr[^>]*>\s*)<th[^>]*>.*?</th>\s*", re.DOTALL)
_ROW_LABEL = re.compile(r"(<tr[^>]*>\s*)<th[^>]*>(.*?)</th>\s*", re.DOTALL)
_NOTHING = re.compile(r"<td>(?:NaN|NaT|&lt;NA&gt;)</td>")
_NO_ROWS = re.compile(r"<tbody>\s*</tbody>")


def readable_tables(text: str) -> str:
    """HTML whose pandas tables are mended; everything else as it was."""
    return _TABLE.sub(lambda table: _readable(table[0]), text)


def _readable(table: str) -> str:
    if _NO_ROWS.search(table):
        return "<p><em>No rows.</em></p>"
    lines = table.replace(r"\n", "<br>")  # pandas writes a line break as the two characters of its escape
    return _NOTHING.sub("<td>–</td>", _without_row_numbers(lines))


def _without_row_numbers(table: str) -> str:
    """The table without an index of whole numbers that has no name: it says where a row was, not what it is."""
    head, body = table.split("<tbody>", 1)
    labels = [label for _, label in _ROW_LABEL.findall(body)]
    has_name = head.count("<tr") > 1  # a named index puts its name into a second row
    if has_name or not labels or not all(label.isdecimal() for label in labels) or body.count("<th") != len(labels):
        return table
    return _FIRST_HEADER.sub(r"\1", head, count=1) + "<tbody>" + _ROW_LABEL.sub(r"\1", body)


def breakable_headers(text: str) -> str:
    """HTML in which a column's name in snake_case may break after its underscores; names would else set the width."""
    return _HEAD.sub(lambda head: re.sub(r"(?<=\w)_(?=\w)", "_<wbr>", head[1]).join(("<thead>", "</thead>")), text)
