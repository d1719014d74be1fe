{{/* How pods reach Kafka and the schema registry: one ConfigMap, and Secrets. */}}

{{/* Environment variables that are not secret. */}}
{{- define "procstream.connection.variables" -}}
{{- $kafka := .Values.kafka.external -}}
KAFKA_BOOTSTRAP_SERVERS: {{ include "procstream.kafka.bootstrap" . | quote }}
KAFKA_SECURITY_PROTOCOL: {{ include "procstream.kafka.securityProtocol" . | quote }}
{{- if not .Values.kafka.enabled }}
{{- with $kafka.saslMechanism }}
KAFKA_SASL_MECHANISM: {{ . | quote }}
{{- end }}
{{- with $kafka.awsRegion }}
AWS_REGION: {{ . | quote }}
{{- end }}
{{- end }}
SCHEMA_REGISTRY_URL: {{ include "procstream.registry.url" . | quote }}
{{- end -}}

{{/* Names of the Secrets with the credentials, a YAML list. */}}
{{- define "procstream.connection.secrets" -}}
{{- $secrets := list -}}
{{- if not .Values.kafka.enabled }}{{ $secrets = append $secrets .Values.kafka.external.existingSecret }}{{ end -}}
{{- if not .Values.registry.enabled }}{{ $secrets = append $secrets .Values.registry.external.existingSecret }}{{ end -}}
{{- $secrets | compact | uniq | toYaml -}}
{{- end -}}

{{/* A container's `envFrom`. */}}
{{- define "procstream.connection.envFrom" -}}
- configMapRef:
    name: {{ include "procstream.connection.name" . }}
{{- range include "procstream.connection.secrets" . | fromYamlArray }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- end -}}

{{/* The pod's volume `tls`, if there are certificates. Containers need the mount below. */}}
{{- define "procstream.connection.volumes" -}}
{{- with include "procstream.kafka.tlsSecret" . -}}
- name: tls
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end -}}
{{- end -}}

{{- define "procstream.connection.volumeMounts" -}}
{{- if include "procstream.kafka.tlsSecret" . -}}
- name: tls
  mountPath: /etc/procstream/tls
  readOnly: true
{{- end -}}
{{- end -}}
