"""How the shipped weights are made (floor 2): data sets, losses, the loop, the export."""
