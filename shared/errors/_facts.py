"""Features of conversations that errors may hang on: who says more, how sure that is, author, outcome, codes."""

import numpy as np
import pandas as pd

_SURE = 0.9  # mean confidence of the speakers from which they count as known
_BALANCED = 0.1  # difference of word shares up to which nobody speaks more


def conversation_facts(
    turns: pd.DataFrame, conversations: pd.DataFrame | None = None, codes: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One row a conversation with what is known of it.

    Args:
        turns: `conversation_id`, `text`; `speaker` and `speaker_confidence` (NaN = unknown) if known.
        conversations: `conversation_id`; `donor_id` or `author_id`, `outcome`; None if there are none.
        codes: `conversation_id`, `code` of stage `codes`; None if there are none.

    Returns:
        Indexed by conversation; those of these columns that can be told: `speaker` (who says more: "agent more",
        "donor more", "balanced", "unknown"), `speakers_sure` ("sure", "unsure", "not told"), `author`, `outcome` (text)
        and `code` (a tuple: every code that occurs). Missing values are None.
    """
    parts: list[pd.Series] = [_speaker(turns), _speakers_sure(turns)] if "speaker" in turns else []
    if conversations is not None:
        by_id = conversations.set_index("conversation_id")
        author = next((name for name in ("author_id", "donor_id") if name in by_id), None)
        parts += [by_id[author].rename("author")] if author else []
        parts += [by_id["outcome"]] if "outcome" in by_id else []
    if codes is not None:
        parts += [codes.groupby("conversation_id")["code"].agg(lambda found: tuple(sorted(set(found))))]
    known = [part for part in parts if part.notna().any()]
    return pd.concat(known, axis=1) if known else pd.DataFrame(index=turns["conversation_id"].unique())


def _speaker(turns: pd.DataFrame) -> pd.Series:
    # Words and not turns: "yes" and a paragraph are one turn each.
    words = turns["text"].str.count(r"\S+")
    said = words.groupby([turns["conversation_id"], turns["speaker"]]).sum().unstack(fill_value=0)
    said = said.reindex(turns["conversation_id"].unique(), fill_value=0)
    agent, donor = (said.get(name, pd.Series(0, index=said.index)).to_numpy(dtype=float) for name in ("agent", "donor"))
    total = agent + donor
    lead = np.divide(agent - donor, total, out=np.full(len(total), np.nan), where=total > 0)
    who = np.select(
        [np.isnan(lead), lead > _BALANCED, lead < -_BALANCED], ["unknown", "agent more", "donor more"], "balanced"
    )
    return pd.Series(who, index=said.index, name="speaker")


def _speakers_sure(turns: pd.DataFrame) -> pd.Series:
    if "speaker_confidence" not in turns:
        return pd.Series(dtype=str, name="speakers_sure")
    mean = turns.groupby("conversation_id")["speaker_confidence"].mean()
    sure = np.select([mean.isna(), mean >= _SURE], ["not told", "sure"], "unsure")
    return pd.Series(sure, index=mean.index, name="speakers_sure")
