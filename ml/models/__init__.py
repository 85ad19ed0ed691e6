"""One folder a model, found by its folder: to add a model, add a folder and touch nothing else.

| file         | holds                                                           | imports torch |
|--------------|-----------------------------------------------------------------|---------------|
| card.py      | `CARD`: purpose, request and answer, licences, limits           | no            |
| recipes.py   | `RECIPES`: name → typed values of one way to train it           | no            |
|              | `SEARCH` (optional): field → where `tune` looks for better ones | no            |
|              | `OPTIMIZATIONS` (optional): name → steps from it to what serves | no            |
| data.py      | `SOURCE`, `read(cache)`, `group(example)`; if wanted            | no            |
|              | `transform(rows, **SETTINGS)`, `SETTINGS`, `PACKAGES`           |               |
| baseline.py  | `accuracy(train, test)`: the simple rival that it must beat     | no            |
| task.py      | `build(recipe, data, world)`: what the training loop is given   | yes           |
| exporting.py | `load(folder)`, `inputs(…)`, `targets(…)`: the trained network  | yes           |
| student.py   | `prepare(…)`: a small network, and what it is to learn by       | yes           |
| elsewhere.py | as data.py, `domain(example)`: texts of other domains           | no            |
| sizing.py    | `sample(recipe, examples)`, `count(recipe, data)`: to plan with | yes           |
| slices.py    | `SLICES`: name → how to slice held-out rows;                    | no            |
|              | `GROUPS`: which of them are people, to be served alike          |               |
| handler.py   | `load(folder, threads)`: a bundle's files turned into answers   | no            |

A model without sizing.py cannot be planned (`groundplan train --plan`), one without student.py not distilled. Without
slices.py it is judged by length and label alone, without elsewhere.py by texts of its own domain. What else it needs
(here: model.py, the network) is its own affair.
"""
