"""An evaluation being run (floor 4): patients chosen, contours drawn or read, scored, put together, compared."""
