FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 VPP_STATIC_ROOT=/app/staticfiles
WORKDIR /app
RUN useradd --create-home vpp
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && python -m vpp.texts.compile \
    && DATABASE_URL=postgres://build/build REDIS_URL=redis://build SECRET_KEY=build VPP_SECRET_KEYS=build \
       VPP_VAR_DIR=/tmp/var python manage.py collectstatic --noinput --skip-checks \
    && mkdir -p /app/var && chown vpp /app/var
USER vpp
# The kernels, compiled for the user that runs them: a first plan would spend half a minute on it.
RUN python -c "from aggregator.dispatch.domain.fleet.warm import warm_up; warm_up()"
EXPOSE 8000
CMD ["gunicorn", "vpp.wsgi:application", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "8"]
