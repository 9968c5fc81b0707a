"""Passes of each kind that a recipe may name; they run nothing."""

from __future__ import annotations

from dataclasses import dataclass

from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext


@dataclass(frozen=True, kw_only=True)
class Load(Pass):
    name = "load"

    def run(self, model: None, ctx: PassContext) -> KerasModel:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Take(Pass):
    name = "take"

    def run(self, model: None, ctx: PassContext) -> TFLiteModel:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Convert(Pass):
    name = "convert"

    def run(self, model: KerasModel, ctx: PassContext) -> TFLiteModel:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Quantize(Pass):
    name = "quantize"

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        raise NotImplementedError
