"""What all other packages use: errors, words for messages, commands, progress, paths."""
