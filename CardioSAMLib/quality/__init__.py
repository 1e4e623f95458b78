"""What looks wrong (floor 2): notes a reader of the numbers should see."""
