{{/* S3: the chart's own MinIO, or the store of s3.external. */}}

{{- define "procstream.minio.name" -}}
{{- include "procstream.fullname" . }}-minio
{{- end -}}

{{/* Environment variables that are not secret. Without an endpoint it is AWS. */}}
{{- define "procstream.s3.variables" -}}
{{- $external := .Values.s3.external -}}
{{- $kafka := .Values.kafka.external -}}
{{- if .Values.minio.enabled -}}
  {{- with $external.endpoint -}}
    {{- fail (printf "s3.external.endpoint: found %s, but minio.enabled is true: set minio.enabled to false to use that store" .) -}}
  {{- end -}}
S3_ENDPOINT: http://{{ include "procstream.minio.name" . }}:9000
S3_PATH_STYLE: "true"
AWS_REGION: {{ $kafka.awsRegion | default "us-east-1" }}
{{- else -}}
  {{- if and $kafka.awsRegion (not .Values.kafka.enabled) (ne $kafka.awsRegion $external.region) -}}
    {{- fail (printf "s3.external.region: found %s, but kafka.external.awsRegion is %s: pods have one AWS_REGION, so set both to the same" $external.region $kafka.awsRegion) -}}
  {{- end -}}
  {{- with $external.endpoint }}
S3_ENDPOINT: {{ . }}
  {{- end }}
S3_PATH_STYLE: {{ $external.pathStyle | quote }}
AWS_REGION: {{ $external.region }}
{{- end -}}
{{- end -}}

{{/* Name of the Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or nothing. */}}
{{- define "procstream.s3.secret" -}}
{{- if .Values.minio.enabled -}}
{{- .Values.minio.existingSecret | default (include "procstream.minio.name" .) -}}
{{- else -}}
{{- .Values.s3.external.existingSecret -}}
{{- end -}}
{{- end -}}
