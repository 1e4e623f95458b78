"""nnU-Net version 2 as a baseline (floor 4): its data set from ours, its own commands, its predictions back."""
