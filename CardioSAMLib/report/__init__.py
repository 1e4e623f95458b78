"""What leaves (floor 2): tables, pictures, the HTML report, label files."""
