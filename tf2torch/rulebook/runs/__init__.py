"""Running a rule's cases in TensorFlow and in PyTorch."""
