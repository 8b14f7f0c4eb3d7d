"""Tasks that run at the same time on one profile's steps: every interleaving, or random ones, held to the rules.

Standard library only. `world` is the state. `code` is what a task executes: a profile's cells, and the `operations`
around them. What its actions do is in `base`, `locks`, `chains`, `counters` and `around`; `engine` runs them;
`invariants` are the rules. `search` explores all interleavings, `sight` and `ahead` say which of them are alike,
`schedule` draws random ones. `starts` is where they begin, `hunt` all of it for one profile. `findings` makes a broken
rule a counterexample and shrinks it, `told` says it in words, `emitted` as a program for a guest. `asked` answers the
command line.
"""
