"""How good it is (floor 2): agreement of two label volumes on the grid they were drawn on."""
