"""The words of the int8 detector that several files build, trained once for all of them: see the fixture `trained`."""

DATA = ["data.train=320", "data.val=60", "data.test=80"]
TRAIN = ["train.steps=300", "train.batch_size=16", *DATA]
FREE = ["convert.budget.map.max_drop=1", "budget.map.max_drop=1"]
PRUNE = ["prune.steps=40", "prune.batch_size=16", "prune.budget.map.max_drop=1"]
FIXED = ["quantize.method=fixed", "quantize.budget.map.max_drop=1"]
"""Without the search: the classifier of `test_builds.py` runs it, and the detector of `test_reproducible.py`."""
INT8 = ["recipe=ssd_mobilenet_int8", *TRAIN, *FREE, *PRUNE, *FIXED]
