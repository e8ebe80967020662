"""What the service is compared with, as its own documentation would have it written."""
