{{/* The schema registry: the chart's own Apicurio, or the one of registry.external. */}}

{{- define "procstream.registry.name" -}}
{{- include "procstream.fullname" . }}-registry
{{- end -}}

{{/* URL of its Confluent-compatible API. */}}
{{- define "procstream.registry.url" -}}
{{- $external := .Values.registry.external.url -}}
{{- if .Values.registry.enabled -}}
  {{- with $external -}}
    {{- fail (printf "registry.external.url: found %s, but registry.enabled is true: set registry.enabled to false to use that registry" .) -}}
  {{- end -}}
  http://{{ include "procstream.registry.name" . }}:8080/apis/ccompat/v7
{{- else -}}
  {{- required "registry.external.url: not set, but registry.enabled is false: give the URL of a Confluent-compatible registry" $external -}}
{{- end -}}
{{- end -}}
