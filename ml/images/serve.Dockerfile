# The image that answers: no torch, no compiler, 12 distributions. Build from the repository's root:
#   docker build -f ml/images/serve.Dockerfile --build-arg BASE_DIGEST=sha256:... --build-arg GIT_COMMIT=$(git rev-parse HEAD) .
# The digest has no default: the one that you have checked pins what you build on, a tag would not.
# Ask for today's with: docker buildx imagetools inspect python:3.11-slim-bookworm
ARG BASE_DIGEST
FROM python:3.11-slim-bookworm@${BASE_DIGEST}

COPY ml/images/serve.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --no-deps --only-binary :all: --requirement /tmp/requirements.txt && rm /tmp/requirements.txt
COPY ml /opt/program/ml
# Compiled once here, not with each cold start; the program is root's, so whoever breaks in cannot change it.
RUN python -m compileall -q /opt/program && useradd --uid 10001 --create-home runner && install -d -o runner /opt/ml

ARG GIT_COMMIT
ENV GROUNDPLAN_GIT_COMMIT=${GIT_COMMIT} PYTHONPATH=/opt/program PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER runner
WORKDIR /opt/ml
EXPOSE 8080
ENTRYPOINT ["python", "-m", "ml"]
CMD ["serve"]
