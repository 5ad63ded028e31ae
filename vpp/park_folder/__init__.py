"""A park is a folder: park.yaml and its series, read, checked and loaded. See docs/park-folder.md."""
