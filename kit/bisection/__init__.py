"""The job `bisect`: which commit or patch changed a metric."""
