"""Serving a fine-tuned node: one predictor, export to ONNX and INT8 behind a quality gate, latency, a LangGraph node.

`IntentClassifierModel(folder).predict(text)` answers with the torch classifier or with its export, whichever the
folder holds; with an export it loads neither torch nor transformers.
"""

from shared.serving._compare import quality_table
from shared.serving._export import Export, export_classifier, quantise
from shared.serving._gate import Gate, GateLimits, quality_gate
from shared.serving._graph import make_node
from shared.serving._latency import latency_table, measure_latency, measure_throughput
from shared.serving._onnx import message_of_length
from shared.serving._predict import LONGEST_MESSAGE, IntentClassifierModel, folder_bytes

__all__ = [
    "LONGEST_MESSAGE",
    "Export",
    "Gate",
    "GateLimits",
    "IntentClassifierModel",
    "export_classifier",
    "folder_bytes",
    "latency_table",
    "make_node",
    "measure_latency",
    "measure_throughput",
    "message_of_length",
    "quality_gate",
    "quality_table",
    "quantise",
]
