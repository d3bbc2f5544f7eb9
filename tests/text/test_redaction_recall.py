import pytest

from shared.text._redact import Redactor
from shared.text._redaction_recall import KINDS, Labelled, measure_redaction, redaction_sample

KEY = b"0" * 16


def test_recall_and_precision_are_shares_of_what_is_known_to_be_there():
    # one name of two is found (nothing introduces the other), nothing harmless is touched, one replacement of one right
    sample = [
        Labelled("my name is Zsofia", "PERSON", "Zsofia"),
        Labelled("so Oyelaran said", "PERSON", "Oyelaran"),
        Labelled("two or three dollars", "", ""),
    ]
    measures = measure_redaction(Redactor(KEY), sample)
    person = next(row for row in measures.kinds if row.kind == "PERSON")
    assert person == ("PERSON", 1, 2, 1, 1)
    assert (measures.untouched, measures.harmless) == (1, 1)


def test_half_a_name_that_stays_is_a_name_that_stays():
    class Half(Redactor):
        def redact(self, text: str, *, only_known: bool = False) -> str:
            return text.replace("Maria", "[PERSON]")

    measures = measure_redaction(Half(KEY), [Labelled("Hi Maria Vandermeer", "PERSON", "Maria Vandermeer")])
    assert next(row.found for row in measures.kinds if row.kind == "PERSON") == 0


@pytest.fixture(scope="module")
def measures():
    return measure_redaction(Redactor(KEY), redaction_sample(700, seed=1))


@pytest.mark.parametrize("kind", KINDS)
def test_recall_on_the_generated_set_is_high_for_every_kind(measures, kind: str):
    row = next(row for row in measures.kinds if row.kind == kind)
    assert row.n == 100
    # one name in twenty is introduced nowhere, so that 0.95 is what can be reached
    assert row.found / row.n >= (0.9 if kind == "PERSON" else 0.95), row


def test_little_that_is_harmless_is_replaced(measures):
    assert measures.untouched / measures.harmless >= 0.95
    assert sum(row.right for row in measures.kinds) / sum(row.replaced for row in measures.kinds) >= 0.95


def test_the_set_holds_names_that_no_rule_can_find_and_texts_in_lower_case():
    sample = redaction_sample(700, seed=0)
    assert any(item.secret.lower() in ("oyelaran", "saoirse", "przybylski", "xochitl") for item in sample)
    assert 0.2 < sum(item.text.islower() for item in sample) / len(sample) < 0.6
    assert redaction_sample(50, seed=0) == sample[:50]
