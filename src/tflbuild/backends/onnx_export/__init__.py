"""A `.tflite` written as ONNX."""
