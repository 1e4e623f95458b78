"""Stand-in for VTK: the one event that the panel observes."""


class vtkCommand:
    ModifiedEvent = "ModifiedEvent"
