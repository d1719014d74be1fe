{{/* What the pods of the chart have in common. */}}

{{/* A pod's `metadata`: (dict "root" $ "component" "kafka" "values" .Values.kafka "checksum" TEXT).
     A change of the text, which the pod reads at its start, rolls the pods. A new version of the chart alone does
     not, because pods have no other labels than these. */}}
{{- define "procstream.pod.metadata" -}}
labels:
  {{- include "procstream.selector" . | nindent 2 }}
  app.kubernetes.io/part-of: procstream
  {{- with .root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if or .values.podAnnotations .checksum }}
annotations:
  {{- with .checksum }}
  checksum/config: {{ . | sha256sum }}
  {{- end }}
  {{- with .values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* A pod's `spec` without its containers and volumes:
     (dict "root" $ "values" .Values.kafka "user" 1000), with "component" "kafka" if it has replicas. */}}
{{- define "procstream.pod.spec" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .values.serviceAccountName }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  fsGroup: {{ .user }}
  # A start does not change the owner of every file of a large volume.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- range $field := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" }}
{{- with index $.values $field }}
{{ $field }}: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- if and .component (not .values.topologySpreadConstraints) }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "procstream.selector" . | nindent 8 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* A container's `securityContext`. */}}
{{- define "procstream.container.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* A container's `env`: (dict "NAME" VALUE …) */}}
{{- define "procstream.env" -}}
{{- $env := list -}}
{{- range $name, $value := . -}}
{{- $env = append $env (dict "name" $name "value" (include "procstream.text" $value)) -}}
{{- end -}}
{{- with $env }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{/* A number, boolean or text as text. Helm reads numbers as floating point, which templates print as 1e+06. */}}
{{- define "procstream.text" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ toJson . }}{{ end -}}
{{- end -}}

{{/* Memory in MiB, from a quantity such as 1Gi or a Java size such as 512m; 0 if the unit is another one. */}}
{{- define "procstream.mebibytes" -}}
{{- $units := dict "k" 0.0009765625 "m" 1 "g" 1024 "Ki" 0.0009765625 "Mi" 1 "Gi" 1024 -}}
{{- $unit := regexFind "[A-Za-z]+$" (include "procstream.text" .) -}}
{{- mulf (regexFind "^[0-9.]+" (include "procstream.text" .) | float64) (get $units $unit | default 0) | int64 -}}
{{- end -}}

{{/* A StatefulSet's claim `data`: .Values.kafka.storage */}}
{{- define "procstream.claim" -}}
metadata:
  name: data
spec:
  accessModes: [ReadWriteOnce]
  {{- with .className }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests:
      storage: {{ include "procstream.text" .size }}
{{- end -}}
