{{/* How Kafka and the schema registry are reached. */}}

{{/* Environment variables that are no secrets. */}}
{{- define "procstream.connection.variables" -}}
{{- $kafka := .Values.kafka.external -}}
KAFKA_BOOTSTRAP_SERVERS: {{ required "kafka.external.bootstrapServers: not set, expected host:port, several separated by commas" $kafka.bootstrapServers | quote }}
KAFKA_SECURITY_PROTOCOL: {{ $kafka.securityProtocol | quote }}
{{- with $kafka.saslMechanism }}
KAFKA_SASL_MECHANISM: {{ . | quote }}
{{- end }}
{{- with $kafka.awsRegion }}
AWS_REGION: {{ . | quote }}
{{- end }}
SCHEMA_REGISTRY_URL: {{ required "registry.external.url: not set, expected the URL of a Confluent-compatible registry" .Values.registry.external.url | quote }}
{{- end -}}

{{/* Names of the Secrets with the credentials, a YAML list. */}}
{{- define "procstream.connection.secrets" -}}
{{- list .Values.kafka.external.existingSecret .Values.registry.external.existingSecret | compact | uniq | toYaml -}}
{{- end -}}
