"""Who draws contours (floor 2): automatic models run by onnxruntime."""
