"""The experiment: its file read and written, its arms made concrete."""
