# The function as an image, for Docker Swarm, Cloud Run, AWS App Runner or Azure Container Apps.
# docs/outside-google.md shows how to run it. A mapping file that speaks SQL, LDAP, SMTP or HTTP/2, and a ledger in
# PostgreSQL, need more packages. Several lists can be named, because they hold the usual packages in the same versions:
# docker build --build-arg REQUIREMENTS=requirements/sql.txt
# docker build --build-arg REQUIREMENTS="requirements/ldap.txt requirements/postgresql.txt"
# The image of the audit (docs/audit.md) has the command line as well: docker build --target audit

FROM python:3.13-slim AS build
WORKDIR /app
ARG REQUIREMENTS=requirements.txt
COPY requirements.txt ./
COPY requirements/ ./requirements/
RUN python -m venv /venv
RUN /venv/bin/pip install --no-cache-dir --require-hashes $(printf -- "--requirement %s " ${REQUIREMENTS})

FROM python:3.13-slim AS function
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

FROM build AS audit-packages
COPY requirements/cli.txt ./cli.txt
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r cli.txt

FROM function AS audit
COPY --from=audit-packages /venv /venv
COPY connector_tools/ ./connector_tools/
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m", "connector_tools.cli", "audit"]
CMD []

# The image that is built without --target.
FROM function
