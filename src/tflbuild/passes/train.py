"""Train the recipe's architecture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Le

from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import DataFacts, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise, RecipeError, did_you_mean
from tflbuild.core.plain_text import plain
from tflbuild.core.task import TASKS
from tflbuild.passes.training.distillation import check_model_file
from tflbuild.passes.training.fitting import Fitting, fit, shortened
from tflbuild.passes.training.keras_writing import emit_keras, meaning_of

FROM_MODEL = ("scratch", "continue")
"""Values of `init` that start from what the architecture builds: fresh, or the user's own file."""

USUAL_IMAGES = 2400
"""Images of the data set `signs`, which the usual length was measured on."""


@compiler_pass("train")
class Train(Fitting):
    """Train the architecture on the train split, with Adam and a half cosine.

    `init` says from what: `scratch`; `continue`, the user's own file (`model=keras model.path=FILE`); or
    a path to a `.h5` or `.keras` file, whose weights are taken where name and shape agree, so that a head
    for other classes starts fresh. What was taken is in the report. `model.weights` takes files of other formats and
    of other models with the same backbone.

    A detector's boxes are trained with smooth L1. Its classes are trained by default with `hard_negative`:
    cross entropy over the matched boxes and the three hardest background boxes for each, as in the SSD
    paper. `focal` loss, over all boxes, learns more slowly in a short training from scratch: on `signs` it
    reached mAP 0.21 where hard negatives reached 0.49, after 1000 steps.

    References:
        Liu et al., SSD: Single Shot MultiBox Detector, 2016.
        Lin et al., Focal Loss for Dense Object Detection, 2017.
    """

    promises = "finite weights"

    init: str = "scratch"
    """Weights to start from: `scratch` for fresh ones, `continue` for the user's own file (`model=keras`), or
    the path of a `.h5` or `.keras` file, of which weights are taken where name and shape agree."""
    steps: Annotated[int, Ge(0), Le(100_000_000)] | None = None
    """Length of the training. 0 trains nothing, so that the weights it starts from are measured as they are. null:
    `epochs`, or a length that suits the data and the input size. [batches]"""
    learning_rate: Annotated[float, Gt(0), Le(1000)] = 4e-3
    weight_decay: Annotated[float, Ge(0), Le(1000)] = 0.0

    def usual_steps(self, facts: DataFacts) -> int:
        """Give the length that suits the data: more for more images, fewer where each step costs more."""
        images: float = (facts.train / USUAL_IMAGES) ** 0.2
        return round(shortened(TASKS.get(facts.task).usual_steps, facts) * images)

    def reads(self) -> tuple[str, ...]:
        """Read the train split, and the file to start from."""
        given = self.init not in FROM_MODEL and Path(self.init).is_file()
        return (*super().reads(), *((self.init,) if given else ()))

    def check(self) -> None:
        """Refuse two lengths at once, a missing file to start from, and distillation without a teacher."""
        super().check()
        if self.distill.weight and not self.distill.teacher:
            raise ValueError(
                "distill.teacher: required, since this pass has no input that could be the teacher; set it "
                "to an earlier step or a "
                ".h5 or .keras file"
            )
        if self.init not in FROM_MODEL and not Path(self.init).is_file():
            raise ValueError(
                f"init: '{self.init}' is neither {' nor '.join(FROM_MODEL)} nor a file"
                f"{did_you_mean(self.init, FROM_MODEL)}"
            )
        if self.init not in FROM_MODEL:
            check_model_file(self.init, "init")

    def run(self, model: None, ctx: PassContext) -> KerasModel:
        """Build, fill, train, and keep the model with what it means."""
        from tflbuild.backends import keras

        keras.seed(ctx.seed)
        classes = ctx.dataset("data.train").classes
        built = ctx.model_spec.build(len(classes))
        taken = ctx.model_spec.start(built, len(classes))
        if taken and self.init not in FROM_MODEL:
            raise RecipeError(
                f"{ctx.label}.init: '{plain(self.init)}' and model.weights both say which weights to start from; leave "
                f"one out."
            )
        if taken:
            ctx.notes["weights"] = taken
        if self.init not in FROM_MODEL:
            ctx.notes["init"] = keras.take_weights(built, Path(self.init))
        task = TASKS.get(ctx.model_spec.task_on(ctx.task))()
        built, head = task.ended(built, ctx.dataset("data.train"))
        facts = meaning_of(ctx, built, classes)
        facts = replace(facts, head={**facts.head, **head})
        if self.steps:
            fit(built, facts, self, ctx)
        return emit_keras(ctx, built, facts)

    def verify(self, model: None, result: KerasModel) -> None:
        """Look at every weight in the file."""
        from tflbuild.backends import keras

        broken = keras.not_finite(keras.load(result.path, finite=False))
        if broken:
            raise BrokenPromise(f"{broken[0]} holds values that are not finite.")
