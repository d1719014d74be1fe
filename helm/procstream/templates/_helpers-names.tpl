{{/* All names and labels of the chart are defined here. */}}

{{- define "procstream.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains "procstream" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-procstream" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "procstream.operator.name" -}}
{{- include "procstream.fullname" . }}-operator
{{- end -}}

{{- define "procstream.connection.name" -}}
{{- include "procstream.fullname" . }}-connection
{{- end -}}

{{/* Name of the custom resource of a topic or subject, whose own name may have capitals and underscores. */}}
{{- define "procstream.resource.name" -}}
{{- . | lower | replace "_" "-" | trunc 63 | trimAll "-." -}}
{{- end -}}

{{/* Labels that select all pods of a release. */}}
{{- define "procstream.selector.release" -}}
app.kubernetes.io/name: procstream
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels that select a component: (dict "root" $ "component" "operator") */}}
{{- define "procstream.selector" -}}
{{ include "procstream.selector.release" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "procstream.labels" -}}
{{ include "procstream.selector" . }}
app.kubernetes.io/part-of: procstream
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* An image: (dict "root" $ "image" .Values.operator.image) */}}
{{- define "procstream.image" -}}
{{- $registry := .image.registry | default .root.Values.image.registry -}}
{{- $tag := .image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion -}}
{{- if $registry }}{{ $registry }}/{{ end }}{{ .image.repository }}:{{ $tag }}
{{- end -}}

{{/* The same for an image that is not procstream's own. Its tag is always set. */}}
{{- define "procstream.image.thirdParty" -}}
{{- $registry := .image.registry | default .root.Values.image.mirror -}}
{{- if $registry }}{{ $registry }}/{{ end }}{{ .image.repository }}:{{ .image.tag }}
{{- end -}}
