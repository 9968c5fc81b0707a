"""The examples of python.md, in order: mypy checks this file, and tests/api/test_examples.py runs it."""

import tflbuild

words = ["model.path=best.tflite", "data.root=photos/"]
plan = tflbuild.plan("int8", words)
for step in plan.steps:
    print(step.label, step.status, step.reason)

report = tflbuild.build("int8", words)
delivered = report.folder / report["targets"][0]["path"]
print(report.status, delivered, report.metric("fidelity"))

try:
    tflbuild.build("int8", [*words, "budget.size.max=1000"], show=False)
except tflbuild.BudgetExceeded as error:
    print(error, error.folder, error.report["budget"]["verdicts"])

import numpy as np

from tflbuild.runtime import Predictor

predictor = Predictor(delivered)
print(predictor.task, predictor.labels, predictor.inputs)
for found in predictor("photos/000.png").found:
    print(found.label, found.score, found.box)

picture = np.zeros((48, 64, 3), np.uint8)
predicted = predictor(picture, threshold=0.2)
print(predicted.best, {name: values.shape for name, values in predicted.outputs.items()})

for prediction in tflbuild.predict(report.folder, "photos/", threshold=0.2):
    print(prediction.image, prediction.drawn, prediction.found, prediction.truth)

earlier = tflbuild.load_report("outputs/int8/latest")
print(tflbuild.compare(report.folder, earlier.folder)["figures"])

comparison = tflbuild.compare("best.tflite", delivered, overrides=["data.root=photos/"])
print(comparison["metrics"]["fidelity"]["difference"])

check = tflbuild.check(delivered, ["target=cpu"])
for operator in check["devices"][0]["operators"]:
    print(operator["name"], operator["on"], operator["reason"], operator["cure"])

diagnosis = tflbuild.diagnose(report.folder, show=False)
for cause in diagnosis.causes:
    print(cause.text, cause.cost, [cure.override for cure in cause.cures])
print(diagnosis.page)

sweep = tflbuild.sweep("int8", [*words, "quantize.method=auto,fixed"], show=False)
for name, one in sweep.reports().items():
    print(name, one.status, one.metric("fidelity"))
