"""Weights: the layouts by which TensorFlow's variables become the parameters of the conversion."""
