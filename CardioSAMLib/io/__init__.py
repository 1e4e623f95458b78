"""Files in, our objects out (floor 1): DICOM, NIfTI, NRRD, ACDC folders, contour files."""
