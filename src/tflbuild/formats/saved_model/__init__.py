"""TensorFlow SavedModels, and the exports of the Object Detection API among them; read without TensorFlow."""
