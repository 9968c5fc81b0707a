"""The smallest plugin: a pass in a file of its own. `tflbuild describe pad_tail` shows it."""

from typing import Annotated

from annotated_types import Ge

from tflbuild import Pass, PassContext, TFLiteModel, compiler_pass
from tflbuild.core.errors import BrokenPromise


@compiler_pass("pad_tail")
class PadTail(Pass):
    """Append `zeros` bytes to the flatbuffer, e.g. to fill a flash page; the model computes the same."""

    promises = "the file is longer by `zeros` bytes and begins as before"

    zeros: Annotated[int, Ge(0)] = 16
    """Bytes that are appended; more make the file larger. [bytes]"""

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Give the padded file."""
        return ctx.emit(TFLiteModel, model.path.read_bytes() + bytes(self.zeros))

    def verify(self, model: TFLiteModel, result: TFLiteModel) -> None:
        """Hold the file to the promise."""
        if result.path.read_bytes() != model.path.read_bytes() + bytes(self.zeros):
            raise BrokenPromise(f"pad_tail: the file is not the input and {self.zeros} zero bytes.")
