"""Files of Keras 3, read without a framework: their configuration in the form of tf_keras, and their weights."""
