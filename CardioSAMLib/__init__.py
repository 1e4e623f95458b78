"""CardioSAM: ejection fraction, volumes and mass from cardiac cine MR. Research use, not a medical device."""

__version__ = "0.1.0"
