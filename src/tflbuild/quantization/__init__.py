"""Quantize flatbuffers: ranges, equalization, bias correction, and the choice among them."""
