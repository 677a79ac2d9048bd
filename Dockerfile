# One image for all services: `docker build --tag rooflog .`
#
# Name another base with `--build-arg PYTHON_IMAGE=…`, and by its digest where an exact tag is not enough. It has Python
# 3.11, which the locks are made for.
ARG PYTHON_IMAGE=python:3.11.15-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
RUN python3 -m venv /opt/build && python3 -m venv /opt/rooflog
COPY requirements-build.lock requirements-modal.lock ./
RUN /opt/build/bin/pip install --require-hashes -r requirements-build.lock
RUN /opt/build/bin/pip wheel --no-build-isolation --require-hashes --wheel-dir wheels -r requirements-modal.lock
COPY pyproject.toml README.md LICENSE ./
COPY events events
COPY projections projections
COPY services services
RUN /opt/build/bin/hatchling build --target wheel --directory wheels && \
    /opt/rooflog/bin/pip install --no-index --no-deps wheels/*.whl && \
    /opt/rooflog/bin/pip uninstall --yes pip setuptools

FROM ${PYTHON_IMAGE}
# An engine gives a new volume the owner of the directory that it is mounted on: each of these is one of compose's.
RUN groupadd --gid 10001 rooflog && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin rooflog && \
    install --directory --owner rooflog --group rooflog --mode 0700 \
        /data /data/secrets /volume /tokens /backups /config /store /handed/projector /handed/exporter /handed/gateway
COPY --from=build /opt/rooflog /opt/rooflog
ENV PATH=/opt/rooflog/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ROOFLOG_DATA_DIR=/data \
    ROOFLOG_MONITOR_PORT=9100 \
    HEALTH_PORT=9100
USER 10001:10001
WORKDIR /data
EXPOSE 8080 9100
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=4 CMD ["python3", "-c", "\
import http.client, os, sys; \
asked = http.client.HTTPConnection('127.0.0.1', int(os.environ['HEALTH_PORT']), timeout=8); \
asked.request('GET', '/health/ready'); \
answer = asked.getresponse(); \
print(answer.read().decode()); \
sys.exit(answer.status != 200)"]
ENTRYPOINT ["rooflog"]
CMD ["--help"]
