"""The ground every stage stands on: errors, files, geometry, workspace, recipe, images, preparation."""
