"""Single messages, without a conversation around them: one column of a file."""

from pathlib import Path

from shared.data._files import rows_of
from shared.data._schema import Rejected
from shared.runs import UserError


def read_messages(path: Path, column: str = "message") -> list[str]:
    """The texts of one column, in order; empty ones are left out.

    Args:
        path: `.csv`, `.tsv`, `.jsonl`, `.json` or `.parquet`.
        column: that holds the message.

    Raises:
        UserError: the file cannot be read, a row of it is broken (the first one is named), or there is no such column.
    """
    messages = []
    for row in rows_of(path):
        if isinstance(row, Rejected):
            raise UserError(f"{path.name}, line {row.line}: {row.reason}. Correct the row, or save the file as UTF-8.")
        if column not in row.fields:
            raise UserError(
                f"{path.name}: column '{column}' is missing. Found: {', '.join(map(str, row.fields))}. "
                "Name the column that holds the messages in the stage's parameters."
            )
        messages.append(str(row.fields[column] or "").strip())
    return [message for message in messages if message]
