"""The sampling process: connects its parts. Keep its imports few (see `launch`)."""

import logging
import time

from confluent_kafka import Producer
from procstream_common.errors import ProcstreamError
from procstream_common.kafka import ClientErrors, client
from procstream_common.logs import set_up
from procstream_common.msk_iam import token_callback

from procstream_producer.delivery import kafka
from procstream_producer.delivery.broker_watch import BrokerWatch
from procstream_producer.delivery.buffer import DeliveryBuffer
from procstream_producer.delivery.log import DeliveryLog
from procstream_producer.encoding import AvroEncoder
from procstream_producer.health import Health
from procstream_producer.metrics import DeliveryReport, SamplerMetrics
from procstream_producer.procstat.config import SamplerConfig
from procstream_producer.procstat.sampler import Reading, Sampler
from procstream_producer.procstat.schedule import Schedule
from procstream_producer.status_server import StatusServer
from procstream_producer.stop import StopSignal

UNAVAILABLE_AFTER_SECONDS = 3.0
WINDOW_RECORDS = 100

_log = logging.getLogger("procstream.producer.procstat")


def sample(config: SamplerConfig) -> None:
    """Sample until SIGTERM or SIGINT, then flush.

    Raises:
        ProcstreamError: the file, the schema, the topic or the broker cannot be used, or records were
            lost at the end.
    """
    stop = StopSignal()
    set_up(config.log_format, config.log_level)
    encoder = AvroEncoder(subject=config.subject, schema_id=config.schema_id, schema_text=config.schema_text)
    reading = Reading(path=config.path, node=config.node, encoder=encoder)
    try:
        reading.take()  # a schema that does not fit is reported at the start
    except OSError as error:
        raise ProcstreamError(f"PROCSTAT_PATH {config.path}: {error.strerror}") from None

    metrics = SamplerMetrics()
    health = Health(interval=config.interval, started_at=time.monotonic())
    if config.metrics_port is not None:
        server = StatusServer(
            config.metrics_host,
            config.metrics_port,
            metrics=metrics.text,
            health=lambda: health.judge(time.monotonic()),
        )
        _log.info("/metrics and /healthz at http://%s:%d", config.metrics_host, server.port)

    errors = ClientErrors(config.kafka["bootstrap.servers"])
    properties = {
        **kafka.PRODUCER_PROPERTIES,
        **config.kafka,
        **kafka.log_properties(),
        "client.id": f"procstream-procstat-{config.node}",
        "linger.ms": 0,
    }
    if config.msk_iam_region is not None:
        properties["oauth_cb"] = token_callback(config.msk_iam_region)
    producer = client(Producer, properties, errors)
    partitions = kafka.partitions_of(
        producer, config.topic, errors, timeout=config.startup_timeout, stop=stop
    )
    if not partitions:
        return
    health.starting = None

    log = DeliveryLog(config.topic, lambda: errors.last, time.monotonic)
    deliveries = kafka.KafkaClient(
        producer,
        errors,
        config.topic,
        on_delivered=lambda: buffer.delivered(),
        on_refused=lambda detail: buffer.refused(detail),
    )
    buffer = DeliveryBuffer(
        deliveries,
        DeliveryReport(metrics, log),
        BrokerWatch(patience=UNAVAILABLE_AFTER_SECONDS),
        capacity=config.buffer_max_records,
        window=WINDOW_RECORDS,
    )
    sampler = Sampler(
        take=reading.take,
        schedule=Schedule(start=time.monotonic(), interval=config.interval),
        buffer=buffer,
        reports=deliveries,
        check=lambda: errors.raise_refusal(credentials=False),
        metrics=metrics,
        health=health,
    )
    _log.info(
        "sampling %s of node %s to %s every %g s", config.path, config.node, config.topic, config.interval
    )
    try:
        sampler.run(stop)
    except ProcstreamError as error:
        health.fatal = str(error)
        buffer.give_up()
        log.close()
        raise
    _log.info("stopping; %d records to flush", buffer.buffered)
    lost = sampler.flush(config.flush_timeout)
    log.close()
    if lost:
        raise ProcstreamError(
            f"{config.topic}: {lost} records lost, the broker did not confirm them within "
            f"{config.flush_timeout:g} s (--flush-timeout)"
        )
    _log.info("stopped; %d records delivered, %d dropped", buffer.delivered_count, buffer.dropped_count)
