"""Files of Keras 3 with layers that tf_keras lacks, which Keras 3 itself loads and exports."""
