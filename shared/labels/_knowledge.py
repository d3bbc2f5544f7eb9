"""Passages of a knowledge base and exported messages: from Postgres (pgvector, Supabase) or from local files."""

from pathlib import Path
from typing import Any, LiteralString

from shared.llm import key_from
from shared.runs import UserError

PASSAGES_TABLE = "general_embeddings_1024"


def passages_from_postgres(
    url_env: str = "DATABASE_URL",
    *,
    table: str = PASSAGES_TABLE,
    column: str = "content",
    limit: int = 100,
    seed: int = 0,
) -> list[str]:
    """Texts of a knowledge base, in an order that depends on the seed alone.

    Args:
        url_env: name of the environment variable that holds the connection URL (`postgresql://...`).
        table: table of passages; its vectors are not read.
        column: text column.
        limit: at most so many passages.
        seed: chooses which.

    Raises:
        UserError: the variable is not set, the server cannot be reached, or table or column do not exist.
    """
    from psycopg import sql

    query = sql.SQL("SELECT {0} FROM {1} WHERE {0} <> '' ORDER BY md5({0} || %s) LIMIT %s").format(
        sql.Identifier(column), sql.Identifier(table)
    )
    return _first_column(url_env, query, (str(seed), limit))


def messages_from_postgres(query: LiteralString, url_env: str = "DATABASE_URL") -> list[str]:
    """The first column of a query, such as `SELECT content FROM messages WHERE role = 'user'`.

    Raises:
        UserError: the variable is not set, the server cannot be reached, or the query fails.
    """
    from psycopg import sql

    return _first_column(url_env, sql.SQL(query), ())


def _first_column(url_env: str, query: Any, values: tuple[object, ...]) -> list[str]:
    import psycopg

    url = key_from(url_env)
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            connection.read_only = True  # the query is the user's, and a label stage has nothing to write
            return [str(row[0]) for row in connection.execute(query, values)]
    except psycopg.Error as error:
        # psycopg's messages may repeat host and user of the URL, but never the password
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"Postgres ({url_env}): {reason}. Check the URL, the table and the column.") from None


def passages_from_files(folder: Path, *, longest: int = 1200) -> list[str]:
    """Paragraphs of the .txt and .md files of a folder, in order of file name.

    Args:
        folder: read with its subfolders.
        longest: characters at which a paragraph is cut.

    Raises:
        UserError: the folder holds no such file, or a file is not UTF-8.
    """
    files = sorted(p for p in folder.rglob("*") if p.suffix in (".txt", ".md"))
    if not files:
        raise UserError(f"{folder.name}: no .txt or .md file. Name a folder with the texts of the knowledge base.")
    paragraphs = [part.strip() for path in files for part in _text_of(path).split("\n\n")]
    return [paragraph[:longest] for paragraph in paragraphs if len(paragraph) > 20]


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path.name}: byte {error.start} is not UTF-8. Convert it (iconv -f latin1 -t utf-8) or remove the file."
        ) from None
