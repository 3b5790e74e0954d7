# A model folder over HTTP, without PyTorch:
#   docker build --tag strata .
#   docker run --publish 127.0.0.1:8000:8000 --volume "$PWD/models/quantize:/model:ro" strata
FROM python:3.11-slim AS installed
WORKDIR /source
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT=/source/constraints.txt
RUN python -m venv /app
COPY constraints.txt requirements-base.txt requirements-serve.txt ./
RUN /app/bin/pip install --requirement requirements-base.txt --requirement requirements-serve.txt
COPY pyproject.toml README.md LICENSE requirements*.txt ./
COPY strata strata
RUN /app/bin/pip install --no-deps . && /app/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home strata
COPY --from=installed /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
ENTRYPOINT ["strata", "serve"]
CMD ["/model", "--host", "0.0.0.0"]
