"""What every room stands on: errors, messages' words, commands, progress, places."""
