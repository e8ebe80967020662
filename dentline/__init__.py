"""The ground every stage stands on: errors, files, geometry, workspace, recipe, images, preparation."""

__version__ = "0.1.0"
