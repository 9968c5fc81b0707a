"""ONNX, read without a framework."""
