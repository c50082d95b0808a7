# One image per block:  docker build --build-arg BLOCK=registry --tag govblocks-registry .
# BLOCK is registry, consent, messaging, catalogue or gateway; an image holds the kit and that block
# only. BLOCK=stack makes the tool image of the demo (govblocks load, govblocks demo, the issuer).

FROM python:3.13-slim AS build
# UV_SYSTEM_CERTS: where a company's proxy signs, its certificate is in the base image, not in uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1
RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet --no-cache-dir 'uv>=0.9,<1'
WORKDIR /app
# what others have written changes with the lock only: a layer of its own
COPY pyproject.toml uv.lock ./
COPY kit/pyproject.toml kit/
COPY gateway/pyproject.toml gateway/
COPY services/registry/pyproject.toml services/registry/
COPY services/consent/pyproject.toml services/consent/
COPY services/messaging/pyproject.toml services/messaging/
COPY services/catalogue/pyproject.toml services/catalogue/
COPY stack/pyproject.toml stack/
ARG BLOCK
RUN test -n "$BLOCK" || { echo 'Say which block: --build-arg BLOCK=registry' >&2; exit 1; }; \
    /opt/uv/bin/uv sync --quiet --frozen --no-dev --no-install-workspace --package "$BLOCK"
COPY kit kit
COPY gateway gateway
COPY services services
COPY stack stack
# The sources keep their places: a block finds its migrations beside them.
RUN case "$BLOCK" in \
      stack) parts="gateway services stack" ;; \
      gateway) parts="gateway" ;; \
      *) parts="services/$BLOCK" ;; \
    esac; \
    /opt/uv/bin/uv sync --quiet --frozen --no-dev --package "$BLOCK" \
    && .venv/bin/python -m compileall -q kit $parts \
    && mkdir /image && cp -a --parents .venv kit $parts /image/

FROM python:3.13-slim
RUN groupadd --gid 10001 govblocks \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin govblocks
COPY --from=build /image /app
ARG BLOCK
ENV BLOCK=$BLOCK PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["sh", "-c", "exec python -m kit.serve \"$BLOCK\""]
