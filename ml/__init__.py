"""What the machines run: data, training, optimization, release and serving of the models in `ml/models`.

Runs in a container that holds this folder alone, so nothing here imports infra, stacks or environments, and this
module, `ml.contract` and a model's card and recipes import no torch: they are read where there is none.
"""
