"""What contours mean (floor 2): volumes, end-diastole and end-systole, mass, curves."""
