"""What is known of TensorFlow 1: rules, shape functions and the list of public symbols."""
