"""The model server (`python -m ml serve`): SageMaker's hosting contract, a signed bundle in, answers out.

A serverless endpoint pays its imports with each cold start, so nothing here imports torch, pydantic or a web framework;
only who opens a compiled package (`model.pt2`) waits for torch.
"""
