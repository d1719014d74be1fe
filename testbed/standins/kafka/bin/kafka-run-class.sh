#!/bin/bash
# Runs a class of Kafka's with the variables that the distribution's own scripts take.
log4j=${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=/opt/kafka/config/tools-log4j2.yaml}
performance=${KAFKA_JVM_PERFORMANCE_OPTS:--server -XX:+UseG1GC -XX:+ExplicitGCInvokesConcurrent}
# shellcheck disable=SC2086 # options, several in a variable
exec java ${KAFKA_HEAP_OPTS:--Xmx256M} $performance $log4j \
  ${KAFKA_JMX_OPTS:-} ${KAFKA_OPTS:-} -cp '/opt/kafka/libs/*' "$@"
