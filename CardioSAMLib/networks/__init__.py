"""Network definitions (floor 2): pure torch modules, no files, no loops. Only training imports torch too."""
