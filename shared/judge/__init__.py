"""Pairwise judging with statistics that hold.

Every pair is judged in both orders; verdicts that differ are a tie, an unparseable verdict leaves the pair unscored and
counted. Win rates carry intervals clustered by prompt; the length-controlled win rate's standard error comes from
refitting; more than two models are ranked by Bradley-Terry. The judge itself is examined too.

    from shared.judge import read_alpaca_eval, win_rate
    win_rate(read_alpaca_eval("annotations.json"))      # .win_rate (percent), .standard_error, .interval, .n
"""

from shared.judge._alarms import answer_alarms
from shared.judge._answers import (
    ModelAnswers,
    Pairs,
    answer_bill,
    answer_contexts,
    arm_pairs,
    original_answers,
    pair_answers,
    verdict_table,
)
from shared.judge._comparisons import Verdict, comparison_schema, comparisons, read_alpaca_eval, score_of
from shared.judge._coverage import Coverage, check_coverage
from shared.judge._heldout import HeldOut, content_key, held_out_contexts, with_system_prompt
from shared.judge._length import LengthControlled, length_controlled_win_rate
from shared.judge._panel import (
    Agreement,
    agreement_with_people,
    examine_judge,
    first_position_preference,
    longer_answer_preference,
    position_consistency,
    repeatability,
    self_family_preference,
)
from shared.judge._planning import plan, score_deviation
from shared.judge._ranking import Ranked, bradley_terry
from shared.judge._reference import REFERENCE_JUDGE, judge_by_reference
from shared.judge._review import example_verdicts, exclusions, figure_table, verdict_in_words, way_to_the_figures
from shared.judge._sequential import Sequential, anytime_win_rate
from shared.judge._stopping import Stopped, joined, judge_until_decided
from shared.judge._verdicts import JUDGE_PROMPT, Judged, Pair, judge_bill, judge_pairs, judge_requests, read_verdict
from shared.judge._winrate import WinRate, win_rate, win_rates_by

__all__ = [
    "JUDGE_PROMPT",
    "REFERENCE_JUDGE",
    "Agreement",
    "Coverage",
    "HeldOut",
    "Judged",
    "LengthControlled",
    "ModelAnswers",
    "Pair",
    "Pairs",
    "Ranked",
    "Sequential",
    "Stopped",
    "Verdict",
    "WinRate",
    "agreement_with_people",
    "answer_alarms",
    "answer_bill",
    "answer_contexts",
    "anytime_win_rate",
    "arm_pairs",
    "bradley_terry",
    "check_coverage",
    "comparison_schema",
    "comparisons",
    "content_key",
    "examine_judge",
    "example_verdicts",
    "exclusions",
    "figure_table",
    "first_position_preference",
    "held_out_contexts",
    "joined",
    "judge_bill",
    "judge_by_reference",
    "judge_pairs",
    "judge_requests",
    "judge_until_decided",
    "length_controlled_win_rate",
    "longer_answer_preference",
    "original_answers",
    "pair_answers",
    "plan",
    "position_consistency",
    "read_alpaca_eval",
    "read_verdict",
    "repeatability",
    "score_deviation",
    "score_of",
    "self_family_preference",
    "verdict_in_words",
    "verdict_table",
    "way_to_the_figures",
    "win_rate",
    "win_rates_by",
    "with_system_prompt",
]
