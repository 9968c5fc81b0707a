"""A pass that a distribution of its own brings."""

from typing import Annotated, Literal

from annotated_types import Ge, Le

from tflbuild import Pass, PassContext, TFLiteModel, compiler_pass


@compiler_pass("describe_file")
class DescribeFile(Pass):
    """Write a description into the report, and give the file as it is."""

    style: Literal["short", "long"] = "short"
    level: Annotated[int, Ge(0), Le(9)] = 1

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        ctx.notes["description"] = f"{self.style} {model.path.stat().st_size}"
        return ctx.emit(TFLiteModel, model.path.read_bytes())
