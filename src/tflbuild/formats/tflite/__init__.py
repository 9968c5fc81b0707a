"""TensorFlow Lite files (`.tflite`): what they take, give and mean, read off the flatbuffer alone."""
