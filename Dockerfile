# syntax=docker/dockerfile:1
# The scoring service alone. Build: docker build -t dentline-scoring .   Run: see compose.yaml.

FROM python:3.11-slim-bookworm AS packages
WORKDIR /build
COPY deployment/requirements.txt constraints.txt ./
RUN python -m venv /opt/dentline \
 && /opt/dentline/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt -c constraints.txt \
 && /opt/dentline/bin/pip check \
 && /opt/dentline/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin dentline \
 && install -d -o dentline /project
COPY --from=packages /opt/dentline /opt/dentline
WORKDIR /app
COPY dentline ./dentline
COPY labeling ./labeling
COPY augmentation ./augmentation
COPY deployment ./deployment
COPY commands ./commands
# Compiled here: nothing is written where it runs, and each start would compile anew.
RUN python -m compileall -q .
ENV PATH=/opt/dentline/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DENTLINE_HOST=0.0.0.0 \
    DENTLINE_KEYS_FILE=/run/secrets/dentline_keys \
    DENTLINE_LOG=json
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["python", "-m", "commands.app"]
CMD ["serve", "/project"]
