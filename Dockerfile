# The function as an image, for Docker Swarm, Cloud Run, AWS App Runner or Azure Container Apps.
# README.md, "Deploy", shows how to run it.

FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /venv
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home connector && mkdir /data && chown connector /data
WORKDIR /app
COPY --from=build /venv /venv
COPY main.py requirements.txt ./
COPY connector/ ./connector/
COPY mappings/ ./mappings/
# The image's user cannot write here. Without this step each cold start would compile the code.
RUN python -m compileall -q /app
ENV PATH=/venv/bin:$PATH
ENV PYTHONUNBUFFERED=1
ENV SECRETS=file:/run/secrets
ENV LEDGER_URL=sqlite:////data/ledger.db
ENV PORT=8080
VOLUME /data
EXPOSE 8080
USER 10001
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=2)"]
CMD ["functions-framework", "--target", "process_event", "--source", "main.py"]
