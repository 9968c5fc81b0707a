"""Entry points of evaluation, by dotted name: the engine is given them, and imports no room itself."""

from __future__ import annotations

from tflbuild.core.names import Names

NAMES = Names(
    predict="tflbuild.evaluation.predictions:predict_file",
    truth="tflbuild.evaluation.truth:truth_file",
    differ="tflbuild.evaluation.differing:differences",
    merge="tflbuild.evaluation.arrays:merge",
    measuring="tflbuild.evaluation.measuring",
    chance="tflbuild.analyses.first_look.chance:judge",
    readings="tflbuild.analyses.first_look.readings:explain",
    prove="tflbuild.evaluation.proving:prove",
    external="tflbuild.data.layouts.external:external_split",
    inspect="tflbuild.modalities.image.files:inspect",
    changes="tflbuild.formats.changes:changes",
    describe="tflbuild.formats.tflite.describing:described",
    equality="tflbuild.evaluation.equality:equality",
    samples="tflbuild.evaluation.proof:write",
    delivered=(
        "tflbuild.analyses.disagreements:Disagreements",
        "tflbuild.analyses.thresholds:Thresholds",
        "tflbuild.analyses.anomaly_scores:AnomalyScores",
        "tflbuild.analyses.values:Values",
        "tflbuild.analyses.operator_times:OperatorTimes",
    ),
)
