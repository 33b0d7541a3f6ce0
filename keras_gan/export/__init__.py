"""Trained generators as files for other programs: SavedModel, TFLite and ONNX."""
