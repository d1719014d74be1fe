{{/* Init containers wait for what a pod needs, so that its containers do not fail and restart. */}}

{{/* A list of initContainers: (dict "root" $ "for" (list "kafka" "registry" "s3" "postgres" "topic:NAME"
     "subject:NAME")). The pod needs the volumes of "procstream.connection.volumes". */}}
{{- define "procstream.waitFor" -}}
{{- $root := .root -}}
- name: wait
  image: {{ include "procstream.image" (dict "root" $root "image" $root.Values.producer.image) }}
  imagePullPolicy: {{ $root.Values.producer.image.pullPolicy | default $root.Values.image.pullPolicy }}
  command: [procstream-wait]
  args: {{- toYaml .for | nindent 4 }}
  {{- $variables := dict }}
  {{- if has "s3" .for }}{{ $variables = include "procstream.s3.variables" $root | fromYaml }}{{ end }}
  {{- if has "postgres" .for }}{{ $variables = merge $variables (include "procstream.postgres.variables" $root | fromYaml) }}{{ end }}
  {{- with include "procstream.env" $variables }}
  env: {{- . | nindent 4 }}
  {{- end }}
  envFrom: {{- include "procstream.connection.envFrom" $root | nindent 4 }}
  resources:
    requests:
      cpu: 10m
      memory: 48Mi
    limits:
      memory: 128Mi
  securityContext: {{- include "procstream.container.security" $root | nindent 4 }}
  {{- with include "procstream.connection.volumeMounts" $root }}
  volumeMounts: {{- . | nindent 4 }}
  {{- end }}
{{- end -}}
