"""Training from data to a model that is used by name (floor 4): patients, encoders, the loop, the files it leaves."""
