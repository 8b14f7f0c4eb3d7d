"""A profile as Promela, for a second opinion by SPIN: `actions` says what each action does, `text` makes a model.

The actions are written anew here, in another language, and SPIN searches by itself. Only the order of the actions (the
code of kit.model.explore.code) is shared with the explorer.
"""
