"""Fine-tuning promptable models on labeled patients (floor 4): from a checkpoint and a recipe to a model by name."""
