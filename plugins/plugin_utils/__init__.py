"""The controller's side of the collection, a folder for each subject."""
