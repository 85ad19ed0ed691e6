# The image that a cluster's machines run: Ray, and our code with all that training needs. Build from the repository's root, and push it
# under the environment's image tag, then "-ray-" and the version: v1-ray-2.60.0 (docs/decisions/ray-on-auto-scaling.md):
#   docker build -f ml/images/ray.Dockerfile --build-arg BASE_DIGEST=sha256:... --build-arg GIT_COMMIT=$(git rev-parse HEAD) .
# The digest has no default: the one that you have checked pins what you build on, a tag would not.
ARG BASE_DIGEST
FROM python:3.11-slim-bookworm@${BASE_DIGEST}

# On a GPU torch needs CUDA's own packages too: build with --build-arg TORCH_DEPENDENCIES= (empty) to let pip bring them.
ARG TORCH_DEPENDENCIES=--no-deps
COPY ml/images/train.txt ml/images/ray.txt /tmp/
RUN pip install --no-cache-dir ${TORCH_DEPENDENCIES} $(grep '^torch==' /tmp/train.txt) \
    && pip install --no-cache-dir --no-deps --requirement /tmp/train.txt --requirement /tmp/ray.txt && rm /tmp/*.txt
COPY ml /opt/program/ml
RUN useradd --uid 10001 --create-home runner

ARG GIT_COMMIT
ENV GROUNDPLAN_GIT_COMMIT=${GIT_COMMIT} PYTHONPATH=/opt/program PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_WAIT_POLICY=passive
USER runner
WORKDIR /home/runner
ENTRYPOINT ["ray"]
CMD ["--help"]
