"""The pictures of the traffic signs that tflbuild draws."""
