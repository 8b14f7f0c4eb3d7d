"""Fuzzers: mutated texts into each reader of kit; each is read or refused, in bounded time and memory."""
