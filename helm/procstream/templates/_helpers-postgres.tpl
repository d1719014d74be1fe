{{/* PostgreSQL: the chart's own, the one of postgres.external, or none. */}}

{{- define "procstream.postgres.name" -}}
{{- include "procstream.fullname" . }}-postgres
{{- end -}}

{{/* Environment variables that are not secret; none without PostgreSQL. */}}
{{- define "procstream.postgres.variables" -}}
{{- $external := .Values.postgres.external.url -}}
{{- if .Values.postgres.enabled -}}
  {{- with $external -}}
    {{- fail (printf "postgres.external.url: found %s, but postgres.enabled is true: set postgres.enabled to false to use that database" .) -}}
  {{- end -}}
POSTGRES_URL: postgresql://{{ include "procstream.postgres.name" . }}:5432/{{ .Values.postgres.database }}
{{- else if $external -}}
POSTGRES_URL: {{ $external | quote }}
{{- end -}}
{{- end -}}

{{/* Name of the Secret with POSTGRES_USER and POSTGRES_PASSWORD, or nothing. */}}
{{- define "procstream.postgres.secret" -}}
{{- if .Values.postgres.enabled -}}
{{- .Values.postgres.existingSecret | default (include "procstream.postgres.name" .) -}}
{{- else -}}
{{- .Values.postgres.external.existingSecret -}}
{{- end -}}
{{- end -}}
