"""TensorFlow Lite's flatbuffer: reading, checking and editing it; no framework."""
