"""Nodes of the 3D Slicer scene <-> our objects (floor 4). Main thread only; no Qt."""
