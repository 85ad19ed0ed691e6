# The image that trains and optimizes, on CPU or GPU. Build from the repository's root:
#   docker build -f ml/images/train.Dockerfile --build-arg BASE_DIGEST=sha256:... --build-arg GIT_COMMIT=$(git rev-parse HEAD) .
# The digest has no default: the one that you have checked pins what you build on, a tag would not.
# Ask for today's with: docker buildx imagetools inspect python:3.11-slim-bookworm
ARG BASE_DIGEST
FROM python:3.11-slim-bookworm@${BASE_DIGEST}

# On a GPU torch needs CUDA's own packages too: build with --build-arg TORCH_DEPENDENCIES= (empty) to let pip bring them.
ARG TORCH_DEPENDENCIES=--no-deps
COPY ml/images/train.txt /tmp/requirements.txt
RUN pip install --no-cache-dir ${TORCH_DEPENDENCIES} $(grep '^torch==' /tmp/requirements.txt) \
    && pip install --no-cache-dir --no-deps --requirement /tmp/requirements.txt && rm /tmp/requirements.txt
COPY ml /opt/program/ml
# SageMaker mounts what a job reads and writes under /opt/ml, owned by who owns the folder in the image.
RUN useradd --uid 10001 --create-home runner && install -d -o runner /opt/ml

ARG GIT_COMMIT
ENV GROUNDPLAN_GIT_COMMIT=${GIT_COMMIT} PYTHONPATH=/opt/program PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_WAIT_POLICY=passive
USER runner
WORKDIR /opt/ml
ENTRYPOINT ["python", "-m", "ml"]
CMD ["train"]
