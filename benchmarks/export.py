"""Export of a million answers, Dentline against pandas."""
