"""Network definitions (floor 2): pure torch modules, no files, no loops. With training, the one room to import torch."""
