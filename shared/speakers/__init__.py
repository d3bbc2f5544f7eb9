"""Who said each turn: two methods behind one interface, decoded jointly over the conversation.

`fit_channels` learns from the sides' own transcripts without labels, `fit_speaker_model` fine-tunes an encoder on
turns whose speakers are known. Both give evidence about turns and transitions; `label_turns` weighs it together
and decodes a whole conversation at once (`decode_roles`), with a confidence for every turn.
"""

from shared.speakers._chain import ChainWeights, Evidence, fit_chain
from shared.speakers._channels import ChannelMethod, fit_channels, has_channels
from shared.speakers._decode import RolePath, decode_roles
from shared.speakers._diarisation import Repair, repair_diarisation
from shared.speakers._disturb import diarise_badly, disturb
from shared.speakers._floors import CHAINED_WORDS, POSITION, WORDS, floor_roles
from shared.speakers._method import (
    Method,
    dialogues,
    label_turns,
    labelled_turns,
    shares_above,
    spaced,
    teaching_turns,
    true_speakers,
)
from shared.speakers._metrics import compare_labels, conversation_accuracy, turn_accuracy, word_error_rate, word_errors
from shared.speakers._pairs import SpeakerModel, fit_speaker_model
from shared.speakers._readable import readable_transcripts

__all__ = [
    "CHAINED_WORDS",
    "POSITION",
    "WORDS",
    "ChainWeights",
    "ChannelMethod",
    "Evidence",
    "Method",
    "Repair",
    "RolePath",
    "SpeakerModel",
    "compare_labels",
    "conversation_accuracy",
    "decode_roles",
    "dialogues",
    "diarise_badly",
    "disturb",
    "fit_chain",
    "fit_channels",
    "fit_speaker_model",
    "floor_roles",
    "has_channels",
    "label_turns",
    "labelled_turns",
    "readable_transcripts",
    "repair_diarisation",
    "shares_above",
    "spaced",
    "teaching_turns",
    "true_speakers",
    "turn_accuracy",
    "word_error_rate",
    "word_errors",
]
