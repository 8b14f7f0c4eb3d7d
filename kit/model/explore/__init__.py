"""Tasks that run at the same time on one profile's steps: every interleaving, or random ones, held to the rules.

Standard library only. `world` is the state, `code` what a task executes, `invariants` the rules, `search` the
exploration of all interleavings, `schedule` random ones, `starts` where they begin, `hunt` all of it for one profile.
"""
