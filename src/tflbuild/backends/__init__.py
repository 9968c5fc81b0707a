"""Thin adapters of tf_keras, of TensorFlow's converter and of vela; besides them only `training` imports TensorFlow."""
